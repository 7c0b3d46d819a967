"""How the fused cosine and same-modality cosines become one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError

__all__ = ["EvidenceWeights", "Ranking"]

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class EvidenceWeights:
    """One kind of evidence for queries of one modality."""

    #: Slope on the cosine, not negative.
    weight: float
    #: Where a candidate has no such evidence, it is expected to have ``intercept + slope * fused``.
    intercept: float
    slope: float


@dataclass(frozen=True)
class Ranking:
    """A calibrated score from cosines.

    For a candidate *e* and a query with items of the modalities *M*::

        score(e) = sigmoid(bias + fused_weight * f + mean over m in M of
                           own[m].weight * own_m(e) + near[m].weight * near_m(e))

    ``f`` is the cosine of the fused vectors; ``own_m`` the greatest cosine of the query's item to one of the
    candidate's own assets of modality *m*; ``near_m`` the same over assets of its graph neighbours. What a
    candidate does not have is replaced by what candidates with that fused cosine have on average, so that
    lacking a modality neither punishes nor favours it.

    Args:
        fused_weight: Slope on the fused cosine, positive.
        bias: Makes the score a probability of relevance at one relevant candidate among all.
        own: By query modality.
        near: By query modality.
    """

    fused_weight: float = 10.0
    bias: float = -5.0
    own: Mapping[str, EvidenceWeights] = field(default_factory=dict)
    near: Mapping[str, EvidenceWeights] = field(default_factory=dict)

    def logits(
        self, fused: Floats, own: Mapping[str, Floats] | None = None, near: Mapping[str, Floats] | None = None
    ) -> npt.NDArray[np.float64]:
        """Scores before the sigmoid, of any magnitude; arguments as for `score`."""
        cosine = np.asarray(fused, dtype=np.float64)
        total = self.bias + self.fused_weight * cosine
        modalities = sorted({*(own or {}), *(near or {})})
        for found, weights in ((own or {}, self.own), (near or {}, self.near)):
            for modality, values in found.items():
                if modality in weights:
                    how = weights[modality]
                    expected = how.intercept + how.slope * cosine
                    filled = np.where(np.isnan(values), expected, values)
                    total = total + how.weight * filled / len(modalities)
        return total

    def score(
        self, fused: Floats, own: Mapping[str, Floats] | None = None, near: Mapping[str, Floats] | None = None
    ) -> npt.NDArray[np.float64]:
        """Scores in [0, 1] that order candidates.

        Args:
            fused: Cosine of query and candidate in the fused space, ``(*any,)``.
            own: By modality of the query's items: greatest cosine to a candidate's own assets of that
                modality, NaN where it has none, ``(*any,)``.
            near: Likewise over the assets of the candidate's graph neighbours (stubs and their names included).
        """
        return 1.0 / (1.0 + np.exp(-self.logits(fused, own, near)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``release.json``."""

        def plain(weights: Mapping[str, EvidenceWeights]) -> dict[str, dict[str, float]]:
            return {
                m: {"weight": w.weight, "intercept": w.intercept, "slope": w.slope}
                for m, w in weights.items()
            }

        return {
            "fused_weight": self.fused_weight,
            "bias": self.bias,
            "own": plain(self.own),
            "near": plain(self.near),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ranking:
        """The inverse of `to_dict`.

        Raises:
            DamagedError: A part is missing or unknown.
        """
        try:
            own = {m: EvidenceWeights(**w) for m, w in data["own"].items()}
            near = {m: EvidenceWeights(**w) for m, w in data["near"].items()}
            return cls(float(data["fused_weight"]), float(data["bias"]), own, near)
        except (KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"ranking cannot be read: {error}", where="release.json") from error
