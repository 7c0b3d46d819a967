"""Opening Milvus through pymilvus, and the one form of our collections."""

from __future__ import annotations

import fcntl
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chiasm.errors import MissingDependencyError, UnavailableError
from chiasm.settings import Settings
from chiasm.spaces_url import SpacesUrl

__all__ = ["KEY", "MARKER", "VECTOR", "connect", "has_marker", "make_collection", "require_pymilvus"]

KEY, VECTOR = "row", "vector"
#: Key of the row that is written last: with it, all rows of a collection are there. No row of a segment has it.
MARKER = -1
#: Code of Milvus for a collection that is there, but not in memory.
_NOT_LOADED = 101
#: milvus-lite reads its files while it opens them.
_LITE_S = 60.0
#: A server takes pings more often than every five minutes for an attack where there is no traffic.
_GRPC = {"grpc.keepalive_time_ms": 330_000, "grpc.keepalive_permit_without_calls": False}


def require_pymilvus(url: SpacesUrl) -> None:
    """See that what a URL needs is installed.

    Raises:
        MissingDependencyError: pymilvus or milvus-lite is not.
    """
    for package, extra, needed in (
        ("pymilvus", "milvus", True),
        ("milvus_lite", "milvus-lite", url.file is not None),
    ):
        if needed and find_spec(package) is None:
            raise MissingDependencyError(
                f"{package} is not installed", where=url.text, remedy=f"install chiasm[{extra}]"
            )


def connect(settings: Settings, url: SpacesUrl) -> Any:
    """A client of a server, or of milvus-lite in this process.

    Raises:
        UnavailableError: Another process has milvus-lite's file open.
        pymilvus.exceptions.MilvusException: There is no such server, or it refuses the token.
    """
    from pymilvus import MilvusClient

    # It logs each failed call with its traceback; ours are translated, and said once.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"dedicated": True, "grpc_options": _GRPC}
    if url.file is not None:
        _require_free(url.file)
        return MilvusClient(str(url.file), timeout=_LITE_S, **options)
    options["timeout"] = settings.spaces_timeout_s
    if settings.spaces_ca:
        options["server_pem_path"] = settings.spaces_ca
    return MilvusClient(url.server, token=settings.spaces_token, db_name=url.database, **options)


def make_collection(client: Any, name: str, dim: int, timeout_s: float) -> None:
    """Make a collection with an index that Milvus chooses, where it is not there."""
    if client.has_collection(name, timeout=timeout_s):
        return
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(KEY, DataType.INT64, is_primary=True)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dim)
    index = client.prepare_index_params()
    index.add_index(field_name=VECTOR, index_type="AUTOINDEX", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=index, timeout=timeout_s)


def has_marker(client: Any, name: str, timeout_s: float) -> bool:
    """Whether a collection has all its rows and is in memory; one that is not is loaded, as far as time allows."""
    from pymilvus.exceptions import MilvusException

    options = {"output_fields": [KEY], "consistency_level": "Strong", "timeout": timeout_s}
    try:
        return len(client.get(name, ids=[MARKER], **options)) == 1
    except MilvusException as error:
        if error.code != _NOT_LOADED:
            raise
    try:
        client.load_collection(name, timeout=timeout_s)
    except MilvusException:
        # It goes on loading; the next look finds it ready.
        return False
    return len(client.get(name, ids=[MARKER], **options)) == 1


def _require_free(path: Path) -> None:
    # milvus-lite would only log a traceback, and say nothing of use.
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path / "LOCK"
    if not lock.exists():
        return
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError(
                "another process has milvus-lite's file open",
                where=str(path),
                remedy="milvus-lite serves one process: use a Milvus server for more",
            ) from None
