"""Options of the flows' commands."""
