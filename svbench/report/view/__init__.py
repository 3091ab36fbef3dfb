"""What every form of a report shows: boards, variants, intervals, warnings and printed numbers."""
