"""Bring a catalog's schema to the newest version, or say where it stands."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["SchemaStatus", "knows_revision", "schema_status", "upgrade_schema", "upgrade_within"]

#: Any number that no other application takes; PostgreSQL's advisory locks are per database.
_ADVISORY_LOCK = 0x43484941
_alone = threading.Lock()


@dataclass(frozen=True)
class SchemaStatus:
    """Which revision a catalog has, and which is the newest."""

    current: str | None
    newest: str | None

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return self.current == self.newest


def schema_status(engine: Engine) -> SchemaStatus:
    """The schema's revision and the newest one shipped.

    Every process asks when it opens a home: Alembic, whose import takes as long as all the rest of that, is not
    needed for it. Revisions count up in the names of their files.
    """
    versions = Path(__file__).parent / "versions"
    newest = max((path.name.partition("_")[0] for path in versions.glob("[0-9]*_*.py")), default=None)
    with engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        current = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
    return SchemaStatus(current=current, newest=newest)


def upgrade_schema(engine: Engine) -> SchemaStatus:
    """Apply every migration not yet applied, in one transaction, alone; the status after it."""
    # The write option makes SQLite take its lock at once, so two processes upgrade one after the other.
    with engine.execution_options(chiasm_write=True).begin() as connection:
        upgrade_within(connection)
    return schema_status(engine)


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to a revision in the caller's transaction, which commits them or not."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    # Alembic's `op` is one for the whole process: two homes are opened one after the other.
    with _alone:
        command.upgrade(config, revision)


def knows_revision(revision: str) -> bool:
    """Whether this version of Chiasm ships the migration."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
