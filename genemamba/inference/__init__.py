"""What a trained model says about cells."""
