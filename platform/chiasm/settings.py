"""Settings: environment (`CHIASM_...`), then `chiasm.toml` in the home, then defaults; read once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_serializer, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from chiasm.errors import SettingsError, UsageError
from chiasm.origins import GIVEN, checked_origins
from chiasm.spaces_url import SpacesUrl

__all__ = ["CONFIG_NAME", "Settings", "load_settings"]

CONFIG_NAME = "chiasm.toml"
_PREFIX = "CHIASM_"
#: Read by tests and benchmarks, not by the product; known so that they are no "unknown setting".
_FOREIGN = {"CHIASM_SHARED_DATA"}


class Settings(BaseSettings):
    """Where a home keeps its parts and how it runs; frozen once read."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    #: Folder that holds everything of one installation.
    home: Path = Path("chiasm-home")
    #: SQLAlchemy URL; empty means `catalog.sqlite` in the home.
    database_url: str = ""
    #: Celery broker URL; empty means the filesystem transport under `queue/` in the home.
    broker_url: str = ""
    #: fsspec URL of the blob store; empty means `blobs/` in the home.
    blob_url: str = ""
    #: What searches large segments: `faiss:` (their own index, under `spaces/` in the home), or a copy in Milvus:
    #: `milvus+http://host:19530[/database]`, `milvus+https://...`, or milvus-lite's `milvus+file:///folder/name.db`.
    spaces_url: str = "faiss:"
    #: Share of the exact top ten that indexes of large segments are tuned to find, when they are built.
    recall_target: float = Field(default=0.99, ge=0.5, lt=1)
    #: Token of the Milvus server, also as `user:password`.
    spaces_token: str = Field(default="", repr=False)
    #: PEM file of the authority that vouches for a Milvus server; empty means the system's.
    spaces_ca: str = ""
    #: Seconds that one question to Milvus may take before the segments answer themselves.
    spaces_timeout_s: float = Field(default=2.0, gt=0, le=600)
    #: auto, cpu, cuda or cuda:N.
    device: str = "auto"
    #: Text encoder that answers before the first release; empty means all-MiniLM-L6-v2.
    text_encoder: str = ""
    #: Image and audio encoders to use before any release; empty means none (a recipe may bring them).
    image_encoder: str = ""
    audio_encoder: str = ""
    #: What encodes queries: the student that a release distilled for it (on a CPU, where there is one), or always the
    #: release's own encoder.
    query_encoder: Literal["student", "teacher"] = "student"
    #: Tenant that commands and the Python facade work in.
    workspace: str = "default"
    #: Which statements search, paths, questions and hierarchies see, by where they come from: stated, table (a file
    #: of triples), rule, predicted. What a training sees is the key `graph.origins` of its recipe.
    graph_origins: Annotated[tuple[str, ...], NoDecode] = GIVEN
    #: Neighbours of what changed whose graph tokens are refreshed, nearest first; those beyond stay as they were, and
    #: `chiasm doctor` counts them.
    refresh_neighbours: int = Field(default=1024, ge=0)
    #: Earlier releases that are kept in step with what is ingested, so that a rollback loses nothing; others catch up
    #: when one goes back to them.
    retain_releases: int = Field(default=1, ge=0, le=20)
    #: Seconds after a swap during which the new release's errors and latency are held against the earlier one's; it is
    #: rolled back where they are worse. 0: not watched.
    watch_s: float = Field(default=0.0, ge=0, le=7 * 86400)
    #: Searches kept of late, for previews of releases: texts and entities only, no pictures or sounds. 0: none is kept.
    sampled_queries: int = Field(default=0, ge=0, le=10_000)
    #: What the homes share that exchange releases as files: at least 32 random characters.
    bundle_key: str = Field(default="", repr=False)
    #: Who is told of outcomes (releases that go live or do not, jobs and schedules that fail): a URL that messages are
    #: posted to, and what they are signed with.
    webhook_url: str = Field(default="", repr=False)
    webhook_secret: str = Field(default="", repr=False)
    #: Whether the URL may lead to a private address.
    webhook_private: bool = False
    #: Who is told by mail, commas between them; from whom; and by which server, as in `smtp://host:25` or
    #: `smtps://user:password@host:465`.
    mail_to: str = ""
    mail_from: str = ""
    smtp_url: str = Field(default="", repr=False)
    #: Whether manifests may name http(s) URLs.
    allow_urls: bool = False
    #: Seconds a claimed unit may go without heartbeat before it is anybody's again.
    lease_s: float = 30.0
    #: Seconds that a unit may go without progress; then its process is ended and an error counted against the
    #: unit. 0 means no limit.
    stall_s: float = 3600.0
    #: Seconds after which Redis hands out a wake-up again that nobody acknowledged; work does not depend on it.
    broker_visibility_s: float = 3600.0
    #: How far work gives way to searches on the same machine: niceness of the processes that ingest, merge and train.
    #: 0: not at all.
    worker_nice: int = Field(default=10, ge=0, le=19)
    #: Folder in which trainings write TensorBoard's event files while they run, a folder a release; empty: none.
    tensorboard_dir: str = ""
    #: Seconds an idle embedded worker waits before it ends.
    idle_s: float = 20.0
    #: Seconds that a search over HTTP may take, models that it is the first to load included; then it is given up.
    #: 0 means no limit.
    search_timeout_s: float = 60.0
    #: Searches that may wait in one process of the service beyond those at work; more are turned away.
    search_waiting: int = 256
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"

    @field_validator("search_timeout_s", "search_waiting")
    @classmethod
    def _not_negative(cls, value: float) -> float:
        if not 0 <= value < float("inf"):
            raise ValueError("use a finite number, 0 or more")
        return value

    @field_validator("spaces_url")
    @classmethod
    def _known_spaces(cls, value: str) -> str:
        return SpacesUrl.parse(value).text

    @field_validator("graph_origins", mode="before")
    @classmethod
    def _known_origins(cls, value: Any) -> tuple[str, ...]:
        names = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ValueError("use a list of names")
        try:
            return checked_origins(names, "graph_origins")
        except UsageError as error:
            raise ValueError(f"{error.what}; {error.remedy}") from error

    @field_serializer("graph_origins", when_used="json")
    def _as_written(self, value: tuple[str, ...]) -> str:
        """As it stands in an environment: that of a child process."""
        return " ".join(value)

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        kind, _, index = value.partition(":")
        if kind not in {"auto", "cpu", "cuda"} or (index and (kind != "cuda" or not index.isdigit())):
            raise ValueError("use auto, cpu, cuda or cuda:N")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, `chiasm.toml`."""
        home = init_settings().get("home") or env_settings().get("home") or "chiasm-home"
        toml = TomlConfigSettingsSource(settings_cls, Path(home) / CONFIG_NAME)
        return init_settings, env_settings, toml

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database_url or f"sqlite:///{(self.home / 'catalog.sqlite').resolve()}"

    @property
    def blobs_url(self) -> str:
        """Fsspec URL of the blob store."""
        return self.blob_url or str((self.home / "blobs").resolve())

    @property
    def spaces_dir(self) -> Path:
        """Folder of the FAISS segments."""
        return (self.home / "spaces").resolve()

    @property
    def models_dir(self) -> Path:
        """Folder of the releases' model folders and snapshots."""
        return (self.home / "models").resolve()

    @property
    def queue_dir(self) -> Path:
        """Folder of the embedded broker."""
        return (self.home / "queue").resolve()


def load_settings(home: str | Path | None = None, **overrides: Any) -> Settings:
    """The settings of a home.

    Args:
        home: Folder; default `CHIASM_HOME`, then `./chiasm-home`.
        overrides: Single settings that win over environment and file.

    Raises:
        SettingsError: A setting is unknown or malformed, in the environment or in `chiasm.toml`.
    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known | _FOREIGN:
            raise SettingsError(
                f"unknown setting {name}", where="environment", remedy=f"known are {', '.join(sorted(known))}"
            )
    arguments = {**overrides, **({"home": Path(home)} if home is not None else {})}
    try:
        settings = Settings(**arguments)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        advice = f"known are {', '.join(sorted(Settings.model_fields))}"
        raise SettingsError(f"setting {field!r}: {first['msg']}", where=CONFIG_NAME, remedy=advice) from error
    except ValueError as error:
        raise SettingsError(
            f"cannot be read: {error}", where=CONFIG_NAME, remedy="write it as TOML"
        ) from error
    return settings
