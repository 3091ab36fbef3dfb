"""The database of a listening test: sessions and every rating ever given, in SQLite or PostgreSQL."""
