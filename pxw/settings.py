"""What an installation may set: the environment (`PXW_*`), then `pxw.toml`, then defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from pxw.addresses import checked_url, is_url
from pxw.errors import SettingsError, SpecError, nearest

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """The settings of pxw; each can be given as `PXW_<NAME>` or in a `pxw.toml` of the working directory.

    >>> Settings(dataset_management="LOCAL").ddm_url is None
    True
    """

    model_config = SettingsConfigDict(env_prefix="PXW_", toml_file="pxw.toml", extra="forbid", frozen=True)

    home: Path = Field(default=Path("~/.pxw"), description="Where runs, caches and the local servers live.")
    dataset_management: Literal["LOCAL", "DDM"] = Field(
        default="LOCAL", description="Where datasets without a place go: the run's folder, or DDM."
    )
    store: Path | str | None = Field(
        default=None,
        description="Where machines share the data of runs: a folder, or the URL of an object store.",
    )
    keep_days: float = Field(
        default=14, ge=0, description="`pxw cache gc` removes intermediates of runs older than this."
    )
    keep_gb: float = Field(
        default=50, ge=0, description="`pxw cache gc` removes the oldest runs beyond this many gigabytes."
    )
    answer_timeout: int = Field(
        default=86_400, ge=1, description="Seconds that an interactive task of an old project waits for an answer."
    )
    ddm_url: str | None = Field(default=None, description="The DDM to use; none means the one in the box.")
    ddm_token: SecretStr | None = Field(default=None, description="Bearer token of the DDM.")
    ddm_username: str | None = Field(default=None, description="Or: sign in with a name ...")
    ddm_password: SecretStr | None = Field(default=None, description="... and a password.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("store", mode="before")
    @classmethod
    def _path_or_url(cls, store: object) -> object:
        if store is None or not is_url(str(store)):
            return store and Path(str(store)).expanduser().absolute()
        try:
            return checked_url(str(store)).rstrip("/")
        except SpecError as error:
            raise ValueError(f"{error.message}; {error.help}") from None

    @property
    def runs(self) -> Path:
        """The folder of all runs: their journals and locks and, unless they are kept elsewhere, their data."""
        return (self.store if isinstance(self.store, Path) else self.home) / "runs"

    @property
    def store_url(self) -> str:
        """The URL of the object store that keeps the runs' data; nothing if none does."""
        return self.store if isinstance(self.store, str) else ""

    @property
    def kept_below(self) -> str:
        """How the places of outputs without a declared place begin, unless a DDM keeps them."""
        return f"{self.store_url or self.runs.parent}/runs/"

    @field_validator("dataset_management", mode="before")
    @classmethod
    def _upper(cls, mode: object) -> object:
        return mode.upper() if isinstance(mode, str) else mode

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings() -> Settings:
    """Read the settings now; they are never kept at module level, so that a test or a worker can change them."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(
            "settings that cannot be used",
            at="the environment (PXW_*) or pxw.toml",
            details=[_fault(fault["loc"], fault["msg"], fault["type"]) for fault in error.errors()],
        ) from None  # the original would show the values, secrets among them


def _fault(loc: tuple[int | str, ...], message: str, kind: str) -> str:
    name = ".".join(map(str, loc))
    hint = f" ({nearest(name, Settings.model_fields)})" if kind == "extra_forbidden" else ""
    return f"{name}: {message}{hint}"
