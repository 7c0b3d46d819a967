"""The catalog: one engine, short read and write transactions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ExceptionContext, create_engine, event, select, update
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.orm import Session

from chiasm.catalog.commit_signal import CommitSignal
from chiasm.catalog.models import Workspace
from chiasm.catalog.models.full_text import split_terms
from chiasm.catalog.names import check_name
from chiasm.errors import ChiasmError, InputError, SettingsError, UnavailableError
from chiasm.settings import Settings

__all__ = ["Catalog"]

_BUSY_TIMEOUT_S = 30
#: Of each connection to SQLite, and pages of 4 KiB in its log before they go to the database.
_CACHE_KIB, _WAL_PAGES = 16_384, 8_000
#: A server that is gone answers nothing at all.
_CONNECT_TIMEOUT_S = 10


class Catalog:
    """SQL is the truth: every fact, job and release is read and written through here.

    On SQLite a writer begins with `BEGIN IMMEDIATE`: a transaction that reads first and writes later
    would fail with "locked" in spite of the busy time-out.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(chiasm_write=True)
        #: Of commits, on SQLite in a file.
        self.signal = _signal(self.engine)
        # SQLite lets a second writer try again after a pause; threads of one process need not guess.
        self._alone: AbstractContextManager[object] = (
            threading.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()
        )

    @classmethod
    def open(cls, settings: Settings) -> Catalog:
        """The catalog of a home; its schema must have been made by `chiasm init` or `chiasm db upgrade`."""
        return cls(settings.catalog_url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; nothing is committed."""
        with _explained(self.url), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls all back on an error."""
        writer = Session(self._writer, expire_on_commit=False)
        with self._alone, _explained(self.url), writer as session, session.begin():
            yield session
        if self.signal is not None:
            self.signal.tell()

    @contextmanager
    def change(self, workspace_id: int) -> Iterator[Session]:
        """As `write`, while nobody else changes what the workspace holds.

        On SQLite any writer is alone. On PostgreSQL a batch that found an entity alive could otherwise bring it
        back after somebody else's deletion, or link to what is gone. Jobs and units go on being written meanwhile.
        """
        with self.write() as session:
            session.execute(
                select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
            )
            yield session

    def workspace_id(self, name: str) -> int:
        """Id of a workspace, which is made if it does not exist.

        Raises:
            UsageError: No workspace can have that name.
        """
        check_name(name, "the workspace")
        with self.read() as session:
            found = session.scalar(select(Workspace.id).where(Workspace.name == name))
        if found is not None:
            return found
        with self.write() as session:
            again = session.scalar(select(Workspace.id).where(Workspace.name == name))
            if again is not None:
                return again
            row = Workspace(name=name)
            session.add(row)
            session.flush()
            return row.id

    def bump_revision(self, session: Session, workspace_id: int) -> int:
        """Count the workspace's revision up, within the caller's write transaction; the new value."""
        statement = (
            update(Workspace).where(Workspace.id == workspace_id).values(revision=Workspace.revision + 1)
        )
        return session.scalars(statement.returning(Workspace.revision)).one()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError("the database URL cannot be read", where="CHIASM_DATABASE_URL") from error
    if parsed.get_backend_name() != "sqlite":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        limits = {} if "connect_timeout" in parsed.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=limits)
        event.listen(engine, "handle_error", _refuse_values)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _refuse_values)
    return engine


def _signal(engine: Engine) -> CommitSignal | None:
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return CommitSignal(Path(name).resolve())


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # The driver's own BEGIN comes too late (at the first write); transactions are begun by hand below.
    connection.isolation_level = None
    # What the triggers of the full-text index call; the index is made of what it says.
    connection.create_function("chiasm_terms", 1, split_terms, deterministic=True)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_S * 1000}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL may lose an acknowledged commit at power loss.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # A batch changes more pages than the default holds, and the same ones as the batch before: with room for them
    # they are written once, not several times each.
    cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("chiasm_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_values(context: ExceptionContext) -> None:
    """What no column can hold (NUL, half a surrogate pair, beyond 64 bits) is the caller's, not the catalog's."""
    error = context.original_exception
    unfit = isinstance(error, OverflowError | UnicodeError)
    if unfit or isinstance(context.sqlalchemy_exception, DataError):
        raise InputError(
            f"no database holds this value: {str(error).splitlines()[0]}"[:300],
            where="key, name or number",
            remedy="text may hold no NUL and no half of a surrogate pair, a number at most 64 bits",
        ) from error


@contextmanager
def _explained(url: str) -> Iterator[None]:
    shown = make_url(url).render_as_string(hide_password=True)
    try:
        yield
    except (OperationalError, ProgrammingError, InterfaceError) as error:
        reason = next(iter(str(error.orig).splitlines()), type(error.orig).__name__)
        if "no such table" in reason or "does not exist" in reason:
            raise ChiasmError(
                "the catalog has no schema yet",
                where=shown,
                remedy="run `chiasm init` or `chiasm db upgrade`",
            ) from error
        if isinstance(error, ProgrammingError):
            raise ChiasmError(f"the catalog cannot be used: {reason}", where=shown) from error
        raise _away(reason, shown) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _away(str(error.orig), shown) from error


def _away(reason: str, shown: str) -> UnavailableError:
    if "full" in reason or "No space" in reason:
        remedy = "make room on its disk; what was accepted is kept, and work goes on by itself"
    elif shown.startswith("sqlite"):
        remedy = "see that the file can be written and that nobody keeps it locked; then try again"
    else:
        remedy = "see that the database server runs; what was accepted is kept, and work goes on by itself"
    return UnavailableError(f"the catalog cannot be used: {reason}", where=shown, remedy=remedy)
