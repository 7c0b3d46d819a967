"""Cosines of queries to what entities have themselves and to what stands next to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.training.dataset import Dataset
from chiasm_graph import Triples, greatest_nearby

__all__ = ["Cosines", "near_evidence", "own_evidence"]

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class Cosines(NamedTuple):
    """What queries of one modality and all candidates have in common, each ``(queries, candidates)``."""

    fused: npt.NDArray[np.floating]
    #: NaN where a candidate has no such evidence.
    own: Floats
    near: Floats
    #: Of the regression from words.
    words: Floats

    def joined(self, other: Cosines) -> Cosines:
        """The queries of both, these first."""
        return Cosines(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


def own_evidence(data: Dataset, keep: Bools, modality: str, queries: Floats) -> Floats:
    """Greatest cosine of each query to an entity's own assets of a modality, ``(queries, entities)``.

    Args:
        data: The data set.
        keep: Assets that are indexed, ``(assets,)``.
        modality: Of the queries.
        queries: Unit vectors, ``(queries, dim)``.

    Returns:
        NaN where an entity has no such asset.
    """
    result = np.full((len(queries), data.num_entities), np.nan, dtype=np.float32)
    if modality not in data.features:
        return result
    chosen = np.flatnonzero(keep & (data.names == modality))
    if len(chosen):
        owners, starts = np.unique(data.entity[chosen], return_index=True)
        cosines = queries @ data.features[modality][data.row[chosen]].T
        result[:, owners] = np.maximum.reduceat(cosines, starts, axis=1)
    return result


def near_evidence(own: Floats, graph: Triples) -> Floats:
    """Greatest ``own`` nearby, ``(queries, entities)``; NaN where nothing near has any (`greatest_nearby`)."""
    return greatest_nearby(own, graph)
