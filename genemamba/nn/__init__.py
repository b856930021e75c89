"""The model: configuration, scan, layers, pooling and losses; nothing here knows of AnnData."""
