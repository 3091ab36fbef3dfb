"""Scores in the files of other tools: museval's JSON, in and out."""
