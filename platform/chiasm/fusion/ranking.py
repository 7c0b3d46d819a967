"""How the fused cosine and same-modality cosines become one score."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError

__all__ = ["BITS", "Evidence", "QueryWeights", "Ranking", "pattern_of"]

Floats = npt.NDArray[np.floating]
Codes = npt.NDArray[np.uint8]
#: Of each kind of evidence; what an entity is judged on (its availability pattern) is the sum of its bits.
BITS = {"text": 1, "image": 2, "audio": 4, "graph": 8}
_PATTERNS = 16
#: From this cosine on, an entity's asset and the query's item are taken for more and more the same content.
_SAME_FROM = 0.95
#: Modality of the query's items to a cosine a candidate, NaN where the candidate has no such evidence.
Evidence = Mapping[str, Floats]


@dataclass(frozen=True)
class QueryWeights:
    """How queries of one modality are judged; slopes are never negative.

    Where a candidate has no own (or near) asset of the modality, its cosine is taken to be what candidates of
    the same evidence have on average: ``near_base + near_slope * fused``,
    ``words_base + words_slope * fused``, and ``own_base + own_slope * fused + own_near * near``.
    """

    fused: float = 10.0
    own: float = 0.0
    near: float = 0.0
    #: Makes the score of a typical best candidate the chance that it is relevant.
    bias: float = -5.0
    own_base: float = 0.0
    own_slope: float = 1.0
    #: What the near cosine says about the own one.
    own_near: float = 0.0
    near_base: float = 0.0
    near_slope: float = 1.0
    #: Of what the regression from words says, see `chiasm.fusion.words`.
    words: float = 0.0
    words_base: float = 0.0
    words_slope: float = 0.0
    #: What an own asset of equal content adds. Held-out queries have none by definition, so this cannot be
    #: fitted on them; e^5 to 1 that who asks for exactly this means this.
    same: float = 5.0
    #: By availability pattern of the candidate, what the rest says too little (or too much) about it.
    offsets: Mapping[str, float] = field(default_factory=dict)
    #: Logit of a candidate that holds all the weight of its query, see `Ranking.settled`.
    level: float = 0.0

    def offset(self, present: Codes | None) -> Floats | float:
        """Offset of each candidate, ``(*any,)``; 0 for patterns that were not seen, or where none is given."""
        if present is None or not self.offsets:
            return 0.0
        return np.array([self.offsets.get(pattern_of(code), 0.0) for code in range(_PATTERNS)])[present]


@dataclass(frozen=True)
class Ranking:
    """A calibrated score from cosines.

    For a candidate *e* and a query whose items have the modalities *M*::

        logit(e) = mean over m in M of
                   bias[m] + fused[m] * f(e) + own[m] * own_m(e) + near[m] * near_m(e)
                   + words[m] * words_m(e) + same[m] * same_m(e) + offsets[m][pattern(e)]
        score(e) = sigmoid(logit(e))

    ``f`` is the cosine of the fused vectors; ``own_m`` the greatest cosine of the query's item to one of the
    candidate's own assets of modality *m*; ``near_m`` the same over the assets of its graph neighbours;
    ``words_m`` what the words beside it explain of the query (`chiasm.fusion.words`). What a candidate does
    not have is replaced by its expectation given ``f``, so that lacking a modality neither punishes nor
    favours it. A query without items of its own (an entity, or a vector) is judged on ``f`` alone.

    Args:
        queries: By modality of the query's items.
        default: For queries without items, and for modalities not among ``queries``.
    """

    queries: Mapping[str, QueryWeights] = field(default_factory=dict)
    default: QueryWeights = field(default_factory=QueryWeights)
    #: How far a logit counts against those of its rivals; 0 where it counts by itself.
    slope: float = 0.0

    def settled(
        self, logits: Floats, rivals: npt.NDArray[np.bool_], modalities: Collection[str] = ()
    ) -> Floats:
        """What to add to the logits of each query, so that they are those of chances, ``(*any,)``.

        ::

            level - slope * log(sum over rivals of exp(logit / slope))

        A candidate's chance depends on how far it stands out: the same cosine is much for one query and little
        for another. Of filters it depends on the domain alone, if rivals are all entities of it.

        Args:
            logits: Of each query and candidate, NaN for what cannot be judged, ``(*any, candidates)``.
            rivals: ``(candidates,)``, or ``(*any, candidates)``.
            modalities: Of the query's items.
        """
        known = rivals & ~np.isnan(logits)
        if not self.slope or not known.any():
            return np.zeros(np.shape(logits)[:-1])
        level = np.mean([self.queries.get(m, self.default).level for m in modalities] or [self.default.level])
        scaled = np.where(known, logits, -np.inf) / self.slope
        most = np.maximum(scaled.max(axis=-1), -1e9)
        total = np.log(np.maximum(np.exp(scaled - most[..., None]).sum(axis=-1), 1e-300))
        return np.where(known.any(axis=-1), level - self.slope * (most + total), 0.0)

    def logits(
        self,
        fused: Floats,
        own: Evidence | None = None,
        near: Evidence | None = None,
        words: Evidence | None = None,
        *,
        present: Codes | None = None,
    ) -> Floats:
        """Scores before the sigmoid, of any magnitude.

        Args:
            fused: Cosine of query and candidate in the fused space, ``(*any,)``.
            own: By modality of the query's items: greatest cosine to a candidate's own assets of that
                modality, NaN where it has none, ``(*any,)``. Every modality of the query should be named,
                with all NaN if need be.
            near: Likewise over the assets of the candidate's graph neighbours (stubs and their names
                included).
            words: Likewise what the regression from words says (`chiasm.fusion.words.WordLinks`).
            present: Availability pattern of each candidate, ``(*any,)``.
        """
        cosine = np.asarray(fused, dtype=np.float64)
        modalities = sorted({*(own or {}), *(near or {}), *(words or {})})
        if not modalities:
            return np.asarray(self.default.bias + self.default.fused * cosine + self.default.offset(present))
        total = np.zeros_like(cosine)
        for modality in modalities:
            how = self.queries.get(modality, self.default)
            logit = how.bias + how.fused * cosine + how.offset(present)
            around: Floats = how.near_base + how.near_slope * cosine
            if near is not None and modality in near:
                around = _filled(near[modality], around)
                logit = logit + how.near * around
            if own is not None and modality in own:
                expected = how.own_base + how.own_slope * cosine + how.own_near * around
                logit = logit + how.own * _filled(own[modality], expected) + how.same * _same(own[modality])
            if words is not None and modality in words:
                logit = logit + how.words * _filled(
                    words[modality], how.words_base + how.words_slope * cosine
                )
            total += logit / len(modalities)
        return total

    def score(self, fused: Floats, *evidence: Evidence | None) -> Floats:
        """Scores in [0, 1] that order candidates; arguments as for `logits`."""
        return 1.0 / (1.0 + np.exp(-self.logits(fused, *evidence)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``release.json``."""
        return {
            "queries": {m: dataclasses.asdict(w) for m, w in self.queries.items()},
            "default": dataclasses.asdict(self.default),
            "slope": self.slope,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ranking:
        """The inverse of `to_dict`.

        Raises:
            DamagedError: A part is missing or unknown.
        """
        try:
            queries = {m: QueryWeights(**w) for m, w in data["queries"].items()}
            return cls(queries, QueryWeights(**data["default"]), float(data.get("slope", 0.0)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedError(
                f"ranking cannot be read: {error}",
                where="release.json",
                remedy="restore it from a backup, roll back to another release or train again",
            ) from error


def pattern_of(code: int) -> str:
    """The name of an availability pattern, as in ``text+graph``."""
    return "+".join(kind for kind, bit in BITS.items() if code & bit) or "nothing"


def _same(own: Floats) -> Floats:
    """0 below `_SAME_FROM` and where there is no asset, 1 at a cosine of 1."""
    return np.clip((np.nan_to_num(own, nan=-1.0) - _SAME_FROM) / (1.0 - _SAME_FROM), 0.0, 1.0)


def _filled(values: Floats, expected: Floats) -> Floats:
    return np.where(np.isnan(values), expected, values)
