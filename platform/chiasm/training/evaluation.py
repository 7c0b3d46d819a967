"""Judges a model on what was held out, beside late fusion and the best single modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.fusion.ranking import BITS, Ranking
from chiasm.fusion.runtime import FusionModel
from chiasm.training.availability import missing_report
from chiasm.training.baselines import baseline_scores
from chiasm.training.dataset import Dataset
from chiasm.training.domain_report import domain_report
from chiasm.training.evidence import Cosines, near_evidence, own_evidence
from chiasm.training.holdout import Visible
from chiasm.training.index import index_entities
from chiasm.training.labelling import Heads, label_rows
from chiasm.training.metrics import METRICS, paired_difference, query_metrics, summary
from chiasm.training.picture import plane_map
from chiasm.training.queries import Query, held_out_queries
from chiasm.training.reliability import Pairs, judged_pairs, reliability
from chiasm.training.targets import Target
from chiasm.training.words import SeenWords

__all__ = ["Bench", "evaluate", "fused_hits"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

#: Length of the noise added to a unit vector: cosine ``1 / sqrt(1 + .48 ** 2)`` = .9.
COPY_NOISE = 0.48


class Bench:
    """Held-out queries of a split and the index they are asked of.

    Args:
        model: What is judged.
        data: The data set.
        seen: What the index may hold.
        split: Of the queries.
    """

    def __init__(self, model: FusionModel, data: Dataset, seen: Visible, split: str) -> None:
        self.model = model
        self.data = data
        self.seen = seen
        self.words = SeenWords.fit(data, seen)
        #: Entities that can be hits, as rows of the data set.
        self.rows = np.flatnonzero(~data.stub)
        self.column = np.full(data.num_entities, -1)
        self.column[self.rows] = np.arange(len(self.rows))
        self._indexes: dict[frozenset[str], tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]] = {}
        self.vectors, self.present = self.index()
        there = np.zeros(data.num_entities, dtype=np.bool_)
        there[self.rows] = self.present
        self.queries = held_out_queries(data, split, seen, there)

    @cached_property
    def tokens(self) -> npt.NDArray[np.float32]:
        """Graph tokens of all candidates, ``(rows, dim_graph)``; NaN where there is none."""
        nodes = self.data.node_features(self.seen.assets)
        return self.model.graph_tokens(self.seen.graph, nodes, self.rows)

    def index(
        self, without: frozenset[str] = frozenset()
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Fused vectors of all candidates ``(rows, dim)``, and who has one; kept for the next question.

        Args:
            without: Kinds of token that are left out.
        """
        if without not in self._indexes:
            self._indexes[without] = index_entities(
                self.model,
                self.data,
                self.seen.assets,
                self.seen.graph,
                self.rows,
                without=without,
                tokens=self.tokens,
            )
        return self._indexes[without]

    def unspoilt(self, target: Target) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Vectors of all candidates and who has one, as from `index`, that do not hold a target's answer.

        A relation that trains is an edge of its entity, which the graph token reads.
        """
        return self.index(frozenset({"graph"}) if target.kind == "relation" else frozenset())

    def asked(self, queries: Sequence[Query]) -> Floats:
        """Features of queries of one modality, ``(queries, dim_kind)``."""
        return self.data.vectors(np.array([q.asset for q in queries], dtype=np.int64))

    def expected(self, queries: Sequence[Query]) -> list[Ints]:
        """Candidate columns that count as right."""
        return [self.column[np.array(q.expected)] for q in queries]

    def fused(self, queries: Sequence[Query]) -> Floats:
        """Fused vectors of queries of one modality, ``(queries, dim)``."""
        return self.model.fuse([{queries[0].modality: v} for v in self.asked(queries)])

    def cosines(self, queries: Sequence[Query], asked: Floats | None = None) -> Cosines:
        """What queries of one modality have in common with all candidates.

        Args:
            queries: Of one modality.
            asked: Their features where another encoder made them, ``(queries, dim_kind)``.
        """
        return self._cosines(queries[0].modality, self.asked(queries) if asked is None else asked)

    def _cosines(self, modality: str, asked: Floats) -> Cosines:
        own = own_evidence(self.data, self.seen.assets, modality, asked.astype(np.float32))
        near = near_evidence(own, self.seen.graph)
        words = np.full_like(own, np.nan)
        if self.words is not None and modality == "text":
            words = self.words.evidence(asked.astype(np.float32))
        fused = self.model.fuse([{modality: vector} for vector in asked])
        return Cosines(fused @ self.vectors.T, *(e[:, self.rows] for e in (own, near, words)))

    def copies(self, modality: str, most: int) -> tuple[Cosines, list[Ints]] | None:
        """Cosines of near-copies of indexed assets, as from `cosines`, and the columns that are right.

        A copy has cosine .9 to its asset. None when no entity that can be a hit has the modality.
        """
        data = self.data
        known = np.flatnonzero(self.seen.assets & (data.names == modality) & (self.column[data.entity] >= 0))
        if not len(known):
            return None
        chosen = known[np.unique(np.linspace(0, len(known) - 1, min(most, len(known))).astype(np.int64))]
        vectors = data.vectors(chosen).astype(np.float32)
        noise = np.random.default_rng(0).normal(size=vectors.shape).astype(np.float32)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        asked = vectors + COPY_NOISE * noise
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        owners = [
            np.unique(data.entity[self.seen.assets & (data.content == data.content[a])]) for a in chosen
        ]
        right = [self.column[o][self.column[o] >= 0] for o in owners]
        return self._cosines(modality, asked), right

    def lacking(self, modality: str) -> float:
        """Share of all entities that can be hits without a single asset of a modality, held-out ones counted."""
        having = np.unique(self.data.entity[self.data.names == modality])
        return 1.0 - float(np.isin(self.rows, having).mean())

    def allowed(self, queries: Sequence[Query]) -> npt.NDArray[np.bool_]:
        """Candidates in the domain that a query asks for, ``(queries, candidates)``."""
        domain = self.data.domain[self.rows]
        return np.array([(domain == q.domain_into) & self.present for q in queries], dtype=np.bool_)

    def beside(self, columns: Sequence[Ints]) -> npt.NDArray[np.bool_]:
        """Candidates of the domain of some, for each query, ``(queries, candidates)``."""
        domain = self.data.domain[self.rows]
        return np.array([(domain == domain[right[0]]) & self.present for right in columns], dtype=np.bool_)

    @cached_property
    def codes(self) -> Codes:
        """Availability pattern of each candidate, ``(candidates,)``."""
        found = np.where(self.seen.graph.degrees() > 0, BITS["graph"], 0).astype(np.uint8)
        for modality in self.data.modalities:
            found[np.unique(self.data.entity[self.seen.assets & (self.data.names == modality)])] |= BITS[
                modality
            ]
        return found[self.rows]

    def scores(self, queries: Sequence[Query], asked: Floats | None = None) -> Floats:
        """Final scores (logits) as a search gives them; minus infinity outside the domain asked for.

        Args:
            queries: Of one modality.
            asked: Their features where another encoder made them, ``(queries, dim_kind)``.
        """
        allowed = self.allowed(queries)
        logits = self.logits(queries[0].modality, self.cosines(queries, asked), allowed)
        return np.where(allowed, logits, -np.inf)

    def logits(
        self, modality: str, cosines: Cosines, allowed: npt.NDArray[np.bool_], ranking: Ranking | None = None
    ) -> Floats:
        """What a ranking, the model's by default, makes of cosines, ``(queries, candidates)``."""
        fused, *evidence = cosines
        known = [{modality: values} for values in evidence]
        how = ranking or self.model.ranking
        found = how.logits(fused, *known, present=self.codes)
        return found + how.settled(found, allowed, [modality])[:, None]

    def by_modality(self) -> dict[str, list[Query]]:
        """The queries, those of one modality together."""
        return {
            m: found for m in self.data.modalities if (found := [q for q in self.queries if q.modality == m])
        }


def evaluate(
    bench: Bench,
    valid: Bench | None = None,
    links: Mapping[str, float] | None = None,
    heads: Heads | None = None,
) -> dict[str, Any]:
    """The report, in the shape of ``chiasm evaluate --json`` without its release.

    Args:
        bench: Test queries.
        valid: Queries to choose the best single modality on; the test queries if None.
        links: Metrics of held-out edges.
        heads: Trained heads of supervised targets.
    """
    retrieval: list[dict[str, Any]] = []
    late: dict[str, Any] = {}
    single: dict[str, Any] = {}
    missing: dict[str, Any] = {}
    chosen = valid if valid is not None and valid.queries else bench
    for modality, queries in bench.by_modality().items():
        metrics = query_metrics(bench.scores(queries), bench.expected(queries))
        retrieval += _rows(bench, queries, metrics, "any")
        retrieval += _by_target(bench, queries)
        groups = np.array([q.source for q in queries])
        theirs, best = baseline_scores(bench, queries, chosen)
        for report, scores, name in ((late, theirs, "rrf"), (single, best[1], best[0])):
            found = query_metrics(scores, bench.expected(queries))
            gain = {m: paired_difference(metrics[m], found[m], groups) for m in ("hit@10", "mrr")}
            report[modality] = {"space": name, **summary(found, groups), "difference": gain}
        missing[modality] = missing_report(bench, queries)
    return {
        "retrieval": retrieval,
        "baselines": {"late_fusion": late, "best_single": single},
        "missing": missing,
        "links": dict(links or {}),
        "labels": label_rows(bench.data.labels, bench.rows, bench.unspoilt, heads),
        "domains": domain_report(retrieval),
        "students": [],
        "calibration": _calibration(bench),
        "map": _map(bench),
    }


def fused_hits(bench: Bench) -> dict[str, list[float]]:
    """hit@10 of each query by fused vectors alone, by the domain asked of."""
    found: dict[str, list[float]] = {}
    for queries in bench.by_modality().values():
        scores = np.where(bench.allowed(queries), bench.fused(queries) @ bench.vectors.T, -np.inf)
        hits = query_metrics(scores, bench.expected(queries))["hit@10"]
        for query, hit in zip(queries, hits, strict=True):
            found.setdefault(query.domain_into, []).append(float(hit))
    return found


def _calibration(bench: Bench) -> dict[str, Any]:
    """Whether the scores of held-out queries are chances."""
    parts = [
        judged_pairs(modality, bench.scores(queries), bench.expected(queries), bench.codes)
        for modality, queries in bench.by_modality().items()
    ]
    return reliability(Pairs.joined(parts)) if parts else {"pairs": 0}


def _rows(
    bench: Bench, queries: Sequence[Query], metrics: Mapping[str, Floats], target: str
) -> list[dict[str, Any]]:
    """One row a pair of domains."""
    rows = []
    for origin, into in sorted({(q.domain_from, q.domain_into) for q in queries}):
        at = np.array([(q.domain_from, q.domain_into) == (origin, into) for q in queries])
        groups = np.array([q.source for q in queries])[at]
        part = summary({m: metrics[m][at] for m in METRICS}, groups)
        rows.append({"query": queries[0].modality, "target": target, "from": origin, "into": into, **part})
    return rows


def _by_target(bench: Bench, queries: Sequence[Query]) -> list[dict[str, Any]]:
    """Rows where candidates are known by one kind of token alone, and have it."""
    rows: list[dict[str, Any]] = []
    # A path is the graph's as well, and goes where it goes.
    kinds = tuple(k for k in bench.model.feature_dims if k != "path")
    vectors = bench.fused(queries)
    for target in kinds:
        index, present = bench.index(frozenset(kinds) - {target})
        right = [columns[present[columns]] for columns in bench.expected(queries)]
        answerable = [i for i, columns in enumerate(right) if len(columns)]
        if answerable:
            asked = [queries[i] for i in answerable]
            scores = np.where(bench.allowed(asked) & present, vectors[answerable] @ index.T, -np.inf)
            rows += _rows(bench, asked, query_metrics(scores, [right[i] for i in answerable]), target)
    return rows


def _map(bench: Bench) -> dict[str, Any]:
    rows = bench.rows[bench.present]
    return plane_map(bench.vectors[bench.present], bench.data.domain[rows].tolist())
