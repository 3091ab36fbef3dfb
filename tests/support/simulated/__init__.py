"""Simulated people: assessors who rate by known rules, and listeners who take part in a running test."""
