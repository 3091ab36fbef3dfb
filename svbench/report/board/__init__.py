"""A leaderboard of the runs of many labs, written as a site."""
