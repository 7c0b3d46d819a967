"""Fused vectors of all entities as a release would index them, for judging."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chiasm.fusion.runtime import FusionModel
from chiasm.fusion.tokens import thin
from chiasm.training.dataset import Dataset
from chiasm_graph import Triples

__all__ = ["index_entities"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def index_entities(
    model: FusionModel,
    data: Dataset,
    keep: Bools,
    graph: Triples,
    rows: Ints,
    *,
    without: frozenset[str] = frozenset(),
    tokens: Floats | None = None,
) -> tuple[Floats, Bools]:
    """Fused vectors of entities, ``(rows, dim)``, and which have any token, ``(rows,)``.

    Args:
        model: What fuses.
        data: The data set.
        keep: Assets that are indexed; they also feed the graph's nodes, ``(assets,)``.
        graph: Edges that are known.
        rows: Entities.
        without: Kinds of token to leave out.
        tokens: Graph tokens of the entities where they are known already, ``(rows, dim_graph)``.
    """
    if tokens is None:
        tokens = model.graph_tokens(graph, data.node_features(keep), rows)
    paths = model.path_tokens(graph, data.node_features(keep), rows)
    items: list[dict[str, Floats]] = []
    for row, token, path in zip(rows, tokens, paths, strict=True):
        assets = np.arange(data.indptr[row], data.indptr[row + 1])
        assets = assets[keep[assets]]
        assets = assets[np.unique(data.content[assets], return_index=True)[1]]
        item: dict[str, Floats] = {}
        for modality in data.modalities:
            chosen = assets[data.names[assets] == modality]
            if len(chosen) and modality not in without:
                chosen = np.sort(chosen)[thin(len(chosen), 64)]
                item[modality] = data.features[modality][data.row[chosen]]
        if "graph" not in without and np.isfinite(token).all():
            item["graph"] = token
        if not without & {"graph", "path"} and np.isfinite(path).all():
            item["path"] = path
        items.append(item)
    present = np.array([bool(item) for item in items], dtype=np.bool_)
    vectors = np.zeros((len(rows), model.dim), dtype=np.float32)
    vectors[present] = model.fuse([item for item in items if item])
    return vectors, present
