"""Separation systems: the contract, the worker process, adapters, baselines and oracles."""
