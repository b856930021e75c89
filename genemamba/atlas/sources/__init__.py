"""Deposits of every format, opened as one interface: cells by genes in raw counts."""
