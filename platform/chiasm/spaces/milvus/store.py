"""Collections of a Milvus server or of milvus-lite, with time limits, and errors that say what is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from chiasm.errors import UnavailableError
from chiasm.settings import Settings
from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.milvus.connection import (
    KEY,
    MARKER,
    VECTOR,
    connect,
    has_marker,
    make_collection,
    require_pymilvus,
)
from chiasm.spaces_url import SpacesUrl

__all__ = ["MilvusStore"]

T = TypeVar("T")

#: Rows a message: some 3 MB at 384 dimensions, far below gRPC's limit.
_BATCH = 2048
#: Keys a deletion.
_KEYS = 8192
#: After a failure nothing is asked for so long: a query shall not wait for the time limit again and again.
_PAUSE_S = 10.0
_WRITE_S = 60.0
#: Sealing and indexing what was written.
_FLUSH_S = 900.0
#: What was written by others within this time is waited for; what is older a search sees without waiting.
_FRESH_S = 10.0
#: Time limit of whatever milvus-lite does.
_LITE_S = 60.0
#: Codes of "no such collection" and "not loaded": the server is there.
_ABSENT = frozenset({100, 101})
_REMEDY = (
    "see that it runs and that CHIASM_SPACES_URL and CHIASM_SPACES_TOKEN are right; "
    "nothing is lost: the segments answer by their own indexes"
)


class MilvusStore:
    """One collection a segment, keyed by its row numbers; opened when first used, shared between threads.

    A collection is derived and immutable but for deletions, so every write may be repeated.

    Args:
        settings: Where Milvus is, the token, the time limit of a question.
        url: Another place than that of the settings.
    """

    def __init__(self, settings: Settings, url: SpacesUrl | None = None) -> None:
        self.url = url or SpacesUrl.parse(settings.spaces_url)
        self._settings = settings
        self._lock = threading.RLock()
        self._client: Any = None
        self._not_before = 0.0
        #: Collection -> when it was first seen to be whole (monotonic).
        self._whole: dict[str, float] = {}

    def names(self, prefix: str) -> list[str]:
        """Collections whose name begins so."""
        found = self._ask(lambda client, limit: client.list_collections(timeout=limit))
        return sorted(name for name in found if name.startswith(prefix))

    def whole(self, name: str) -> bool:
        """Whether a collection is there with all its rows."""

        def look(client: Any, limit: float) -> bool:
            return client.has_collection(name, timeout=limit) and has_marker(client, name, limit)

        found = self._ask(look)
        if found:
            self._whole.setdefault(name, time.monotonic())
        else:
            self._whole.pop(name, None)
        return found

    def fill(self, name: str, rows: Ints, pieces: Iterable[Floats], dim: int) -> Iterator[int]:
        """Write rows and, when they are durable, the marker; what is there already is written again.

        Args:
            name: The collection; made where it is not there.
            rows: Row numbers, ``(n,)``.
            pieces: Their vectors in order, each ``(at most batch_rows, dim)``.
            dim: Length of a vector.

        Yields:
            How many rows are written, after each piece.
        """
        self._ask(lambda client, limit: make_collection(client, name, dim, limit), _WRITE_S)
        done = 0
        for piece in pieces:
            self._upsert(name, rows[done : done + len(piece)], piece)
            done += len(piece)
            yield done
        self._ask(lambda client, limit: client.flush(name, timeout=limit), _FLUSH_S)
        # A unit vector, as all others are.
        self._upsert(name, np.array([MARKER]), np.eye(1, dim, dtype=np.float32))
        self._ask(lambda client, limit: client.load_collection(name, timeout=limit), _FLUSH_S)

    @property
    def batch_rows(self) -> int:
        """How many rows go in one message."""
        return _BATCH

    def remove(self, name: str, rows: Ints) -> None:
        """Delete rows of a collection; those that are not there are no error."""
        for start in range(0, len(rows), _KEYS):
            keys = rows[start : start + _KEYS].tolist()

            def delete(client: Any, limit: float, keys: Sequence[int] = keys) -> None:
                client.delete(name, filter=f"{KEY} in {_listed(keys)}", timeout=limit)

            self._ask(delete, _WRITE_S)

    def drop(self, name: str) -> None:
        """Delete a collection; one that is not there is no error."""
        self._whole.pop(name, None)
        self._ask(lambda client, limit: client.drop_collection(name, timeout=limit), _WRITE_S)

    def search(self, name: str, queries: Floats, n: int, rows: Ints | None = None) -> Ints:
        """Row numbers of the nearest, ``(queries, n)``, padded with -1.

        Args:
            name: A collection that is `whole`.
            queries: Unit vectors, ``(queries, dim)``.
            n: How many a query; one more is asked for, as the marker may be among them.
            rows: Only these.
        """
        fresh = time.monotonic() - self._whole.get(name, time.monotonic()) < _FRESH_S
        options = {
            "limit": n + 1,
            "filter": "" if rows is None else f"{KEY} in {_listed(rows.tolist())}",
            "search_params": {"metric_type": "IP"},
            "consistency_level": "Strong" if fresh else "Bounded",
        }
        answers = self._ask(
            lambda client, limit: client.search(name, list(queries), timeout=limit, **options)
        )
        found = np.full((len(queries), n), -1, dtype=np.int64)
        for line, hits in zip(found, answers, strict=True):
            keys = [int(hit[KEY]) for hit in hits if hit[KEY] != MARKER][:n]
            line[: len(keys)] = keys
        return found

    def count(self, name: str) -> int:
        """Rows of a collection that are not deleted, the marker among them."""

        def look(client: Any, limit: float) -> int:
            options = {"output_fields": ["count(*)"], "consistency_level": "Strong", "timeout": limit}
            return int(client.query(name, filter="", **options)[0]["count(*)"])

        return self._ask(look)

    @property
    def away(self) -> bool:
        """Whether a question failed a moment ago."""
        return time.monotonic() < self._not_before

    def close(self) -> None:
        """Close the connection; milvus-lite's file is free for others then."""
        with self._lock:
            client, self._client = self._client, None
            self._whole.clear()
        if client is None:
            return
        client.close()
        if self.url.file is not None:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(str(self.url.file))

    def _upsert(self, name: str, rows: Ints, vectors: Floats) -> None:
        data = [
            {KEY: row, VECTOR: vector}
            for row, vector in zip(rows.tolist(), vectors.astype(np.float32), strict=True)
        ]
        self._ask(lambda client, limit: client.upsert(name, data, timeout=limit), _WRITE_S)

    def _ask(self, question: Callable[[Any, float], T], limit_s: float | None = None) -> T:
        limit_s = limit_s or self._settings.spaces_timeout_s
        if self.url.file is not None:
            # There is no network that could be gone, and Python computes: it is slow on a busy machine.
            limit_s = max(limit_s, _LITE_S)
        client = self._connected()
        with self._translated():
            return question(client, limit_s)

    def _connected(self) -> Any:
        with self._lock:
            if self.away:
                raise self._gone("it failed a moment ago")
            if self._client is None:
                require_pymilvus(self.url)
                with self._translated():
                    self._client = connect(self._settings, self.url)
            return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except UnavailableError:
            self._not_before = time.monotonic() + _PAUSE_S
            raise
        except (MilvusException, RpcError, OSError) as error:
            self._whole.clear()
            if getattr(error, "code", None) not in _ABSENT:
                self._not_before = time.monotonic() + _PAUSE_S
            raise self._gone(str(getattr(error, "message", "") or error)) from error

    def _gone(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"Milvus does not answer: {' '.join(why.split())[:300]}", where=self.url.text, remedy=_REMEDY
        )


def _listed(keys: Sequence[int]) -> str:
    # Templates would do, but milvus-lite knows none; these are integers of ours.
    return f"[{','.join(map(str, keys))}]"
