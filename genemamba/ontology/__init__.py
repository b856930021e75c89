"""The Cell Ontology: its terms, and the author labels that mean them."""
