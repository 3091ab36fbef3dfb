"""Adapters: one file for each way to reach a separation system, and what they share."""
