"""Pretraining, its presets, and checkpoints."""
