"""svbench: compare music source separation systems on named, hashed protocols."""

__version__ = "0.1.0"
