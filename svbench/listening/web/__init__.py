"""The server of a listening test and its pages."""
