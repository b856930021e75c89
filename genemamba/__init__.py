"""GeneMamba Atlas: deposits of single cells become annotated, scored, recorded atlases."""

__version__ = "0.1.0"
