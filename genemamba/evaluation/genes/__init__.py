"""What a model knows of genes: pairs of them, their order in a cell, and those that are hidden."""
