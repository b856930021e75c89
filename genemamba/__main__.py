"""``python -m genemamba`` is ``genemamba``."""

from genemamba.cli.main import main

main()
