"""The catalog that a command reads."""

from genemamba.catalog.catalog import Catalog
from genemamba.config import load_settings


def open_catalog() -> Catalog:
    """Connect to the catalog of the settings in force."""
    return Catalog.open(load_settings().catalog_url)
