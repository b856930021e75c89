"""Full fine-tuning: all weights of a model learn the labels of an atlas."""
