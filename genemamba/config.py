"""Settings in force: environment, then a TOML file, then defaults."""

import os
import tomllib
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

    model_config = SettingsConfigDict(
        env_prefix="GENEMAMBA_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    home: str = "genemamba-home"
    """Folder or URL of stores, models, annotations and reports."""
    database_url: str = ""
    """SQLAlchemy URL of the catalog; empty means ``catalog.db`` in the home, or in the
    working folder where the home is remote."""
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())


def load_settings() -> Settings:
    """Read the settings in force.

    Raises
    ------
    InputError
        A setting of the file is unknown, a value is impossible, or the file that
        ``GENEMAMBA_CONFIG`` names is not there or no TOML.
    """
    try:
        return Settings()
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            expected=f"TOML in {_config_file()}", found=str(error), remedy="Mend that file."
        ) from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise InputError(
            expected="settings named home, database_url and dask_scheduler",
            found=faults,
            remedy=f"Mend {CONFIG_FILE} or the GENEMAMBA_… variables.",
        ) from error


def _config_file() -> Path:
    named = os.environ.get("GENEMAMBA_CONFIG")
    if named and not Path(named).is_file():
        raise InputError(
            expected="a file of settings where GENEMAMBA_CONFIG says",
            found=f"none at {named}",
            remedy="Correct GENEMAMBA_CONFIG, or unset it.",
        )
    return Path(named or CONFIG_FILE)
