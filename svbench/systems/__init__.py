"""Separation systems: the contract, adapters, baselines, oracles, and the worker process they run in."""
