"""Heads that turn embeddings into labels: learnt, calibrated, and free to say unknown."""
