"""The fused space: one vector for the query, ranked together with same-modality evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chiasm.search.asked import Asked
from chiasm.search.replica import Bools, Ints, Replica
from chiasm.search.scorer import CANDIDATES, Reasons, Scorer, Scores, demoted
from chiasm.search.sides import Evidence, evidence_of, side_of
from chiasm.search.state import State

if TYPE_CHECKING:
    from chiasm.fusion.runtime import FusionModel

__all__ = ["FusedScorer", "rivals_of", "sigmoid"]


class FusedScorer(Scorer):
    """Scores by the ranking of a release.

    The texts, pictures and sounds of the query are fused into one vector like an entity with few tokens;
    an entity stands for its stored vector; several such are averaged by weight.

    Args:
        state: With a column ``fused``.
        asked: The parts; at least one positive part is usable.
        model: Of the release.
    """

    def __init__(self, state: State, asked: Sequence[Asked], model: FusionModel) -> None:
        super().__init__(state, asked)
        self.model = model
        #: All positive parts, then each negative one.
        self.sides = [side_of(model, self.positive), *(side_of(model, [one]) for one in self.negative)]
        #: Rows that were scored, None for all; set by `scores`, like what each side has in common with them.
        self.found: Ints | None = None
        self.evidence: list[Evidence] = []

    def scores(self, allowed: Bools) -> Scores:
        """Calibrated probabilities of relevance."""
        self._allowed = allowed
        self.found = rows = self._candidates(allowed)
        self.evidence = [evidence_of(self.state, self.model, side, rows) for side in self.sides]
        judged = zip(self.sides, self.evidence, strict=True)
        logits = [side.judge(self.model.ranking, one) for side, one in judged]
        rivals = rivals_of(self.state.replica, allowed, slice(None) if rows is None else rows)
        settled = self.model.ranking.settled(logits[0], rivals, list(self.sides[0].items))
        if rows is None:
            return sigmoid(self.combined(logits, np.flatnonzero(allowed))[0] + settled)
        scores = np.full(len(self.state.replica), np.nan)
        scores[rows] = sigmoid(self.combined(logits, np.flatnonzero(allowed[rows]))[0] + settled)
        return scores

    def combined(self, logits: Sequence[Scores], pool: Ints) -> tuple[Scores, list[tuple[float, ...]]]:
        """Logits of the positive side, less what resembles the negative ones.

        Args:
            logits: Of each side, ``(n,)``.
            pool: Which of them are allowed; says what is best and typical.

        Returns:
            The logits, and of each negative side what `demotion` needs to treat single values alike.
        """
        total, scales = logits[0], []
        for one, unwanted in zip(self.negative, logits[1:], strict=True):
            total, scale = demoted(total, unwanted, self.negative_share(one), pool)
            scales.append(scale)
        return total, scales

    def reasons(self, rows: Sequence[int]) -> list[Reasons]:
        """Shapley values of the logit, ranks after fusing again, and what each neighbour adds."""
        from chiasm.search.fused_reasons import FusedReasons

        return FusedReasons(self, self._allowed).of(np.asarray(rows, dtype=np.int64))

    def cosines(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """The cosine in the fused space, and those to the entity's own items by modality."""
        side = self.evidence[0]
        # Evidence is over the rows that were scored, which ascend.
        at = np.asarray(rows) if self.found is None else np.searchsorted(self.found, rows)
        kinds = {**side.own, "fused": side.fused}
        return [
            {kind: float(values[one]) for kind, values in kinds.items() if not np.isnan(values[one])}
            for one in at.tolist()
        ]

    def _candidates(self, allowed: Bools) -> Ints | None:
        """Rows worth scoring; None where the spaces are small enough to score everything."""
        columns, replica = self.state.columns, self.state.replica
        if not any(column.large for column in columns.values()):
            return None
        side = self.sides[0]
        found = [columns["fused"].candidates(side.vector, CANDIDATES, allowed)]
        for modality, (vectors, _) in side.items.items():
            if modality in columns:
                # Not only of the allowed: what is found may be a neighbour of an allowed entity.
                owners = [columns[modality].candidates(v, CANDIDATES) for v in vectors]
                found.append(replica.graph.neighbourhood(np.unique(np.concatenate(owners)), 1))
        return np.unique(np.concatenate([*found, self.also]))


def rivals_of(replica: Replica, allowed: Bools, rows: Ints | slice = slice(None)) -> Bools:
    """Which of some rows (all) are of a domain that hits may come from.

    Whatever else is filtered: who is alone in a narrow filter is not the likelier for it.
    """
    # Domains count from -1, which is none.
    known = np.bincount(replica.domains[allowed] + 1, minlength=len(replica.domain_names) + 1) > 0
    return np.asarray(known[replica.domains[rows] + 1] & replica.hits[rows])


def sigmoid(logits: Scores) -> Scores:
    """Chances of logits."""
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
