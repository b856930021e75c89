"""How well an embedding keeps cell types apart and mixes batches, beside controls."""
