"""Scores of embeddings and labels, beside baselines and controls."""
