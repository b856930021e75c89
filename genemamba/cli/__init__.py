"""The command line ``genemamba``."""
