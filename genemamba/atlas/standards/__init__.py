"""Deposits against themselves, and against a published standard."""
