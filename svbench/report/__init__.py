"""From runs to something a person reads: HTML report, tables, terminal leaderboard."""
