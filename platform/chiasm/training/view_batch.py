"""A training step's data, and how it gets to where the model lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm.fusion.tokens import TokenBatch
from chiasm.training.dataset import Dataset
from chiasm_graph import Trees

__all__ = ["ViewBatch", "token_batch"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ViewBatch:
    """One training step's data; the first ``num_views`` rows are views, the others words."""

    num_views: int
    queries: TokenBatch
    #: Graph tokens not yet among them
    entities: TokenBatch
    #: Trees of ``graph_rows``
    trees: Trees
    graph_rows: Tensor
    #: (rows, rows) bool, columns that are no true negatives
    ignore: Tensor
    #: Graph task: rows of ``entities`` as heads, relations, tails, false negatives
    heads: Tensor
    relations: Tensor
    tails: TokenBatch
    tails_ignore: Tensor
    #: Masked task: modality -> rows of ``entities`` and the mean feature hidden from them
    hidden: Mapping[str, tuple[Tensor, Tensor]]
    #: (rows,) entity of each row, and the one that its query describes: itself, or a word
    entity: Tensor
    source: Tensor
    #: Share of the run that was over before this step
    done: float

    def map(self, change: Callable[[Tensor], Tensor]) -> ViewBatch:
        """The batch with each of its tensors changed: moved, or pinned; trees stay arrays."""
        changed: dict[str, Any] = {
            "hidden": {name: (change(rows), change(told)) for name, (rows, told) in self.hidden.items()}
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, TokenBatch):
                changed[field.name] = value.map(change)
            elif isinstance(value, Tensor):
                changed[field.name] = change(value)
        return replace(self, **changed)


def token_batch(
    data: Dataset, assets: list[Ints], takeout: tuple[Floats, list[npt.NDArray[np.float32]]] | None = None
) -> TokenBatch:
    """Tokens of items given as lists of assets; graph tokens not included.

    Args:
        data: The data set.
        assets: Of each item.
        takeout: What to take out of the items' text features: a vector an item, ``(items, dim)``, and how
            much
            of it for each of its assets.
    """
    owner = np.repeat(np.arange(len(assets)), [len(a) for a in assets])
    flat = np.concatenate([*assets, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    names = data.names[flat]
    values, owners = {}, {}
    for modality in data.modalities:
        chosen = names == modality
        if chosen.any():
            rows = data.features[modality][data.row[flat[chosen]]]
            if takeout is not None and modality == "text":
                share = np.concatenate([*takeout[1], np.zeros(0, dtype=np.float32)])[chosen]
                rows = rows - share[:, None] * takeout[0][owner[chosen]]
            values[modality] = torch.from_numpy(rows)
            owners[modality] = torch.from_numpy(owner[chosen])
    return TokenBatch(len(assets), values, owners)
