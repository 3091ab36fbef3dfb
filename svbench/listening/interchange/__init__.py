"""Tests and ratings in the formats of other tools: webMUSHRA's configuration and results, pymushra's CSV."""
