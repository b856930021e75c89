"""Settings in force: environment, then a TOML file, then defaults."""

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from genemamba.errors import InputError
from genemamba.storage import is_local, join_url, split_url

CONFIG_FILE: Final = "genemamba.toml"
"""Looked for in the working folder; ``GENEMAMBA_CONFIG`` names another."""


class Settings(BaseSettings):
    """Where things are kept and where work runs."""

    model_config = SettingsConfigDict(env_prefix="GENEMAMBA_", extra="forbid", frozen=True)

    home: str = "genemamba-home"
    """Folder or URL of stores, models, annotations and reports."""
    database_url: str = ""
    """SQLAlchemy URL of the catalog; empty means ``catalog.db`` in the home."""
    dask_scheduler: str | None = None
    """Address of a ``dask.distributed`` scheduler; None means threads of this process."""

    @field_validator("home")
    @classmethod
    def _absolute_home(cls, home: str) -> str:
        return split_url(home)[1] if is_local(home) else home.rstrip("/")

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog, with the default filled in."""
        if self.database_url:
            return self.database_url
        folder = self.home if is_local(self.home) else str(Path.cwd())
        return f"sqlite:///{join_url(folder, 'catalog.db')}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put a TOML file under the environment."""
        file = os.environ.get("GENEMAMBA_CONFIG", CONFIG_FILE)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(file))


def load_settings() -> Settings:
    """Read the settings in force.

    Raises
    ------
    InputError
        A setting is unknown or its value impossible.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise InputError(
            expected="settings named home, database_url and dask_scheduler",
            found=faults,
            remedy=f"Mend {CONFIG_FILE} or the GENEMAMBA_… variables.",
        ) from error
