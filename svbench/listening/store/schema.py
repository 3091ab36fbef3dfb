"""The tables of the database. Ratings are only ever added: a changed rating is a new revision.

No table holds a network address, a name or an e-mail address; the ids of crowd platforms are salted hashes.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

SCHEMA = 1

metadata = MetaData()

# Schema number, test, secrets, hash of the admin token, whether the test takes listeners.
facts = Table(
    "facts",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

assessors = Table(
    "assessors",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("crowd", String(64), unique=True),  # salted hash of the crowd's id for the person
    Column("submission", String(64)),  # salted hash of the crowd's ids for study and sitting
    Column("invitation", String(64), unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("assessor", ForeignKey("assessors.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("plan", Text, nullable=False),  # JSON of design.Plan
    Column("language", String(16), nullable=False),
    Column("consent_version", Text, nullable=False),
    Column("consented_at", String(32), nullable=False),
    Column("step", String(16), nullable=False),
    Column("at", Integer, nullable=False),  # the screen to be rated, from 0
    Column("questionnaire", Text, nullable=False),  # JSON: question -> answer
    Column("headphones", Text, nullable=False),  # JSON: for each attempt, how many were right
    Column("began_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Column("complete_at", String(32)),
)

screens = Table(
    "screens",
    metadata,
    Column("session", ForeignKey("sessions.id"), primary_key=True),
    Column("screen", Integer, primary_key=True),
    Column("done_at", String(32), nullable=False),
)

heard = Table(
    "heard",
    metadata,
    Column("session", ForeignKey("sessions.id"), primary_key=True),
    Column("screen", Integer, primary_key=True),
    Column("slot", Integer, primary_key=True),  # -1 is the open reference
)

ratings = Table(
    "ratings",
    metadata,
    Column("session", ForeignKey("sessions.id"), primary_key=True),
    Column("screen", Integer, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("revision", Integer, primary_key=True),  # from 1
    Column("rating", Float, nullable=False),
    Column("seconds", Float),
    Column("rated_at", String(32), nullable=False),
)

# What was done to the test by whoever runs it; never by whom, nor from where.
admin_log = Table(
    "admin_log",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("action", String(200), nullable=False),
)

# Sessions whose assessor asked to be forgotten: nothing is left but that there was one.
deleted = Table("deleted", metadata, Column("session", String(64), primary_key=True))
