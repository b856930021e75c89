"""Published GeneMamba checkpoints: reading them, checking them, and writing them back."""
