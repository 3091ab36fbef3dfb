"""Ratings in print, as long tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from svbench.listening.analysis.pipeline import Analysis, analyse
from svbench.listening.ratings import ratings_table

DATA = Path(__file__).parents[3] / "data/ratings"


Rows = list[dict[str, str]]


def rows_of(name: str) -> Rows:
    with (DATA / name).open(newline="", encoding="utf-8-sig") as file:
        return [{k.strip(): v.strip() for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def ambiqual() -> pd.DataFrame:
    """60 stimuli: 12 items (a source and a question) under the reference and four encodings."""
    rows = [
        {
            "assessor": name,
            "trial": f"{row['srcdir']} {row['flag']}",
            "condition": row["enc"],
            "role": "reference" if row["enc"] == "REF" else "system",
            "rating": float(row[name]),
        }
        for row in rows_of("ambiqual-mushra-1.csv")
        for name in row
        if name.startswith("dit")
    ]
    return ratings_table(rows)


@pytest.fixture(scope="session")
def gensvs() -> pd.DataFrame:
    """250 stimuli: 50 items under five systems, each rated by some twelve assessors."""
    rows = [
        {
            "assessor": row[f"subject_rating_{i}"],
            "trial": row["file_id"],
            "method": "dcr",
            "condition": row["model_name"],
            "rating": float(row[f"rating_{i}"]),
        }
        for row in rows_of("gensvs-dcr.csv")
        for i in range(12)
    ]
    return ratings_table(rows)


@pytest.fixture(scope="session")
def ambiqual_rows() -> Rows:
    return rows_of("ambiqual-mushra-1.csv")


@pytest.fixture(scope="session")
def gensvs_rows() -> Rows:
    return rows_of("gensvs-dcr.csv")


@pytest.fixture(scope="session")
def ambiqual_analysis(ambiqual: pd.DataFrame) -> Analysis:
    return analyse(ambiqual)


@pytest.fixture(scope="session")
def gensvs_analysis(gensvs: pd.DataFrame) -> Analysis:
    return analyse(gensvs)
