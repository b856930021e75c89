"""Progress bars of the command line, for work that tasks do."""

from genemamba.cli.progress import progress_bar

__all__ = ["progress_bar"]
