"""From runs to a listening test: excerpts are chosen, cut, levelled, anchored and written."""
