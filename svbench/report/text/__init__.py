"""What commands print about runs: boards, comparisons, gates and profiles as text."""
