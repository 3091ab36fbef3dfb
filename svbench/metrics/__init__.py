"""Pure functions on arrays: every scoring rule under its own name. numpy and scipy only."""
