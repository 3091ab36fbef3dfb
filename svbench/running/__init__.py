"""Run systems on a data set and score them under protocols. Only `api`, `cost` and `crosscheck` use it."""
