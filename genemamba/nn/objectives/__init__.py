"""What the model is trained to do: one class for every objective, all with the same interface."""
