"""Queries whose truth stays as it is from release to release, and how a release answered each of them.

A candidate is judged on what held when the active release was judged: a snapshot with wrong titles or edges would
otherwise also be its own measure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chiasm.fusion.checkpoints import read_json, write_json
from chiasm.fusion.manifest import RELEASE_FILE, verify_files
from chiasm.training.metrics import query_metrics
from chiasm.training.queries import Query

if TYPE_CHECKING:
    from chiasm.training.evaluation import Bench
    from chiasm.training.snapshot import Snapshot

__all__ = ["JUDGE_FILE", "FrozenQuery", "Judged", "judge_frozen"]

#: Below a release's folder.
JUDGE_FILE = "judge/queries.json"
#: Most queries that are kept, those with the smallest ids: the same ones from release to release.
MOST = 4000
#: Queries scored at a time.
_BATCH = 128


@dataclass(frozen=True)
class FrozenQuery:
    """A held-out asset as a query, by names that outlive a snapshot."""

    id: str
    modality: str
    #: Of the asset's content.
    sha256: str
    domain_from: str
    domain_into: str
    #: Of the entities that count as right, hashes of their keys: neither keys nor texts, which may be forgotten.
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """How one release answered frozen queries."""

    #: Newest entity id when they were frozen: later ones are no candidates, so that growth is no loss.
    newest: int
    queries: tuple[FrozenQuery, ...]
    #: Query id to `[hit@10, reciprocal rank]`.
    results: dict[str, list[float]] = field(default_factory=dict)
    #: On the queries of the release that was active, among its candidates; and how many it had.
    paired: dict[str, list[float]] = field(default_factory=dict)
    #: Digest of the queries that `paired` is of; None: there was no active release.
    of: str | None = None

    @property
    def digest(self) -> str:
        """Names the queries and their truth."""
        named = repr((self.newest, [(q.id, q.expected) for q in self.queries]))
        return hashlib.sha256(named.encode()).hexdigest()

    def write(self, folder: Path) -> str:
        """Write it below a release's folder; the file's name."""
        (folder / JUDGE_FILE).parent.mkdir(parents=True, exist_ok=True)
        write_json(folder / JUDGE_FILE, asdict(self))
        return JUDGE_FILE

    @classmethod
    def read(cls, folder: Path) -> Judged | None:
        """What lies below a release's folder; None for a release of before.

        Raises:
            DamagedError: It cannot be read, or differs from the checksum in the release's manifest.
        """
        if (folder / RELEASE_FILE).is_file():
            verify_files(folder, "judge/")
        if not (folder / JUDGE_FILE).is_file():
            return None
        found: dict[str, Any] = dict(read_json(folder / JUDGE_FILE))
        queries = [FrozenQuery(**{**q, "expected": tuple(q["expected"])}) for q in found.pop("queries")]
        return cls(queries=tuple(queries), **found)


def judge_frozen(bench: Bench, snapshot: Snapshot, active: Judged | None) -> Judged:
    """How the bench's model answers the active release's queries, and its own, which take over the truth of those.

    Args:
        bench: Model and index, of the candidate's own snapshot.
        snapshot: The same.
        active: What the release that answers now was judged on; None: there is none.
    """
    ids = snapshot.column("entities", "id").astype(np.int64)
    own = {query.id: (query, asked) for query, asked in _named(bench, snapshot)}
    mine = dict(sorted(own.items())[:MOST])
    before = {query.id: query for query in active.queries} if active is not None else {}
    frozen = tuple(before.get(name, query) for name, (query, _) in mine.items())
    newest = int(ids.max(initial=0))
    judged = Judged(newest, frozen, of=active.digest if active is not None else None)
    judged.results.update(_answered(bench, snapshot, frozen, np.ones(len(bench.rows), dtype=np.bool_)))
    if active is not None:
        known = ids[bench.rows] <= active.newest
        judged.paired.update(_answered(bench, snapshot, active.queries, known))
    return judged


def _named(bench: Bench, snapshot: Snapshot) -> list[tuple[FrozenQuery, Query]]:
    """The bench's queries under names that another snapshot gives them too."""
    digests = _contents(bench, snapshot)
    found: list[tuple[FrozenQuery, Query]] = []
    times: dict[str, int] = {}
    for query in bench.queries:
        sha256 = str(digests[query.asset])
        owner = str(bench.data.key[bench.data.entity[query.asset]])
        parts = (query.modality, sha256, owner, query.domain_from, query.domain_into)
        plain = "\0".join(parts)
        # Several of one asset into one domain ask for different things.
        times[plain] = times.get(plain, 0) + 1
        name = hashlib.sha256(f"{plain}\0{times[plain]}".encode()).hexdigest()[:24]
        expected = tuple(sorted(_hash(bench.data.key[row]) for row in query.expected))
        frozen = FrozenQuery(name, query.modality, sha256, query.domain_from, query.domain_into, expected)
        found.append((frozen, query))
    return found


def _hash(key: Any) -> str:
    return hashlib.sha256(str(key).encode()).hexdigest()[:32]


def _contents(bench: Bench, snapshot: Snapshot) -> npt.NDArray[Any]:
    """Digest of each of the data set's assets, ``(assets,)``."""
    data = bench.data
    modality, row = snapshot.column("assets", "modality"), snapshot.column("assets", "row").astype(np.int64)
    digest = snapshot.column("assets", "sha256")
    at = {(kind, int(r)): n for n, (kind, r) in enumerate(zip(modality, row, strict=True)) if r >= 0}
    order = np.array([at[kind, int(r)] for kind, r in zip(data.names, data.row, strict=True)], dtype=np.int64)
    found: npt.NDArray[Any] = digest[order]
    return found


def _answered(
    bench: Bench, snapshot: Snapshot, frozen: Sequence[FrozenQuery], known: npt.NDArray[np.bool_]
) -> dict[str, list[float]]:
    """Results by query id, of those queries whose content and answers are still there."""
    contents = list(zip(bench.data.names, _contents(bench, snapshot), strict=True))
    first = {(str(kind), str(digest)): at for at, (kind, digest) in reversed(list(enumerate(contents)))}
    row_of = {_hash(key): row for row, key in enumerate(bench.data.key)}
    asked: dict[str, list[tuple[str, Query]]] = {}
    for query in frozen:
        asset = first.get((query.modality, query.sha256))
        rows = [row_of[key] for key in query.expected if key in row_of]
        right = tuple(
            row for row in rows if (at := bench.column[row]) >= 0 and bench.present[at] and known[at]
        )
        if asset is not None and right:
            one = Query(asset, query.modality, query.domain_from, query.domain_into, right, asset)
            asked.setdefault(query.modality, []).append((query.id, one))
    results: dict[str, list[float]] = {}
    for some in asked.values():
        for start in range(0, len(some), _BATCH):
            batch = some[start : start + _BATCH]
            queries = [query for _, query in batch]
            scores = np.where(known, bench.scores(queries), -np.inf)
            found = query_metrics(scores, bench.expected(queries))
            for at, (name, _) in enumerate(batch):
                results[name] = [float(found["hit@10"][at]), round(float(found["mrr"][at]), 6)]
    return results
