"""What anyone can have without our model, trained on the same cells and asked about the same ones."""
