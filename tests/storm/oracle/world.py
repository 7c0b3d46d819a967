"""A home with its worker in this process, which dies at the edges of transactions when it is told to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from chiasm import ingest, jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Failure
from chiasm.catalog.seals import seal_rows
from chiasm.ingest.clear import submit_clear
from chiasm.jobs import Heart, Tools, WorkContext
from chiasm.jobs.sweeping import sweep
from chiasm.releases.forget import submit_forget
from chiasm.search import Part, Query, Searcher
from chiasm.settings import Settings
from chiasm_workers.work import work

__all__ = ["Died", "MortalCatalog", "World", "picture"]


class Died(BaseException):
    """The worker is gone; nobody handles that."""


class MortalCatalog(Catalog):
    """Ends the process, as it were, before or after one of its next commits."""

    #: Write transactions still to be lived through, and whether the last one is committed.
    left: int | None = None
    commits = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # Processes die here, and no machine does: nothing needs to be on the disk.
        event.listen(self.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))

    @contextmanager
    def write(self) -> Iterator[Session]:
        if self.left is not None:
            self.left -= 1
        dies = self.left == 0
        with super().write() as session:
            yield session
            if dies and not self.commits:
                raise Died
        if dies:
            raise Died


class World:
    """What the model is held against.

    Args:
        settings: With encoders that hash.
        catalog: With its schema.
    """

    def __init__(self, settings: Settings, catalog: MortalCatalog) -> None:
        self.settings = settings
        self.catalog = catalog
        self.workspace_id = catalog.workspace_id("default")
        self.deaths = 0
        self._open()

    def _open(self) -> None:
        self.tools = Tools(self.settings, self.catalog)
        self.searcher = Searcher(self.settings, self.catalog, self.tools.models)

    def restart(self) -> None:
        """As after `kill -9` of everything: what is not in the home is lost."""
        self.close()
        self.catalog = MortalCatalog(self.settings.catalog_url)
        self._open()

    def close(self) -> None:
        if "decoder" in self.tools.__dict__:
            self.tools.decoder.close()
        self.catalog.close()

    def submit(self, records: Sequence[Mapping[str, Any]], mode: str) -> int:
        """Hand records in; nobody reads them yet."""
        given = [as_manifest(record) for record in records]
        return ingest.submit_records(self.settings, self.catalog, self.workspace_id, given, mode=mode)

    def submit_table(self, rows: Sequence[tuple[str, str, str, float]]) -> int:
        folder = self.settings.home.parent / "tables"
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.tsv"
        lines = ["head\trelation\ttail\tconfidence", *("\t".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return ingest.submit_ingest(self.settings, self.catalog, self.workspace_id, [path])

    def work(self, dies_after: int | None = None, *, commits: bool = True) -> list[str]:
        """Work all units off; the first worker may die in the middle. What was refused."""
        with self.catalog.read() as session:
            before = session.scalar(select(func.max(Failure.id))) or 0
        self.catalog.left, self.catalog.commits = dies_after, commits
        name = f"worker {self.deaths}"
        try:
            self._drain(name)
        except Died:
            self.catalog.left = None
            self.deaths += 1
            sweep(self.catalog, owners=[name])
            self._drain(f"worker {self.deaths}")
        self.catalog.left = None
        with self.catalog.read() as session:
            return [
                f"{row.key}: {row.error['what']}"
                for row in session.scalars(select(Failure).where(Failure.id > before))
            ]

    def _drain(self, name: str) -> None:
        while claims := jobs.claim(self.catalog, ["ingest"], name):
            # No thread of its own: who dies here takes nobody along, and the lease outlives the test.
            context = WorkContext(self.tools, claims[0], Heart(self.catalog, claims[0], lambda: False))
            ended = work(context)
            if ended not in ("done", "failed"):
                raise AssertionError(f"a {claims[0].kind} unit ended as {ended}")

    def clear(self, domain: str | None) -> int:
        return submit_clear(self.settings, self.catalog, self.workspace_id, domain)

    def forget(self, keys: Sequence[str]) -> None:
        submit_forget(self.settings, self.catalog, self.workspace_id, keys)

    def search(self, text: str, k: int = 1000) -> list[str]:
        """Keys of the hits, best first."""
        query = Query(parts=[Part("text", text)], k=k)
        return [hit.key for hit in self.searcher.search(self.workspace_id, query).hits]

    def search_like(self, key: str) -> list[str]:
        query = Query(parts=[Part("entity", key)], k=1000)
        return [hit.key for hit in self.searcher.search(self.workspace_id, query).hits]

    def tidy(self, space_ids: Sequence[int]) -> None:
        """What idle workers do."""
        from chiasm.spaces import collect, compact

        seal_rows(self.catalog)
        collect(self.catalog, self.settings.spaces_dir)
        for space_id in space_ids:
            compact(self.catalog, self.settings.spaces_dir, space_id)


def as_manifest(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the model as users write it."""
    given = {name: value for name, value in record.items() if name not in ("images", "text", "relations")}
    if record.get("text") is not None:
        given["text"] = [{"value": value, "lang": lang} for value, lang in record["text"]]
    if record.get("images") is not None:
        given["image"] = [b"no picture" if number is None else picture(number) for number in record["images"]]
    if record.get("relations") is not None:
        given["relations"] = [
            {"predicate": predicate, "object": other, "confidence": sure}
            for predicate, other, sure in record["relations"]
        ]
    return given


@cache
def picture(number: int) -> bytes:
    """A small PNG."""
    pixels = np.random.default_rng(number).integers(0, 255, (4, 4, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()
