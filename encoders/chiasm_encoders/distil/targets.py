"""Supervision made ready for the losses: a bank of text vectors and a matrix of graph labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from chiasm_encoders.distil.config import StudentConfig
from chiasm_encoders.distil.supervision import Supervision

__all__ = ["Targets", "build_targets"]


@dataclass(frozen=True, eq=False)
class Targets:
    """Teaching tensors; item positions count the training items only."""

    #: `(bank, text_dim)` centred unit vectors of the training items' entities; no rows without text.
    bank: Tensor
    #: `(items,)` int64: place of an item's entity in the bank, -1 without text.
    place: Tensor
    #: `(items, labels)` shares of each graph node, rarer nodes more; rows sum to one, or to zero without
    #: neighbours.
    labels: Tensor
    #: Length of the text teacher's vectors; 0 without text.
    text_dim: int


def build_targets(supervision: Supervision, config: StudentConfig) -> Targets:
    """Targets for the training items alone: nothing of an item that is held out is looked at."""
    owner = supervision.owner[supervision.items]
    bank, place, text_dim = _bank(supervision, owner)
    return Targets(bank, place, _labels(supervision, owner, config.max_labels), text_dim)


def _bank(supervision: Supervision, owner: np.ndarray) -> tuple[Tensor, Tensor, int]:
    if supervision.targets is None:
        return torch.zeros(0, 0), torch.full((len(owner),), -1), 0
    vectors = supervision.targets
    told = np.asarray(np.isfinite(vectors).all(1))
    entities = np.unique(owner[told[owner]])
    if not len(entities):
        return torch.zeros(0, 0), torch.full((len(owner),), -1), 0
    # Centred on all that is known, as sentence vectors share a large common part that says nothing.
    centre = vectors[told].mean(0) if told.sum() > 1 else np.zeros(vectors.shape[1], np.float32)
    position = np.full(len(vectors), -1)
    position[entities] = np.arange(len(entities))
    bank = functional.normalize(torch.from_numpy(vectors[entities] - centre).float(), dim=1)
    return bank, torch.from_numpy(position[owner]), vectors.shape[1]


def _labels(supervision: Supervision, owner: np.ndarray, most: int) -> Tensor:
    lists = [supervision.neighbours_of(int(entity)) for entity in owner]
    if not any(len(nodes) for nodes in lists):
        return torch.zeros(len(owner), 0)
    nodes, counts = np.unique(np.concatenate(lists), return_counts=True)
    shared = nodes[(counts >= 2) & (counts < len(owner))]
    frequency = counts[(counts >= 2) & (counts < len(owner))]
    keep = np.sort(np.argsort(-frequency, kind="stable")[:most])
    shared, frequency = shared[keep], frequency[keep]
    labels = torch.zeros(len(owner), len(shared))
    rarity = torch.from_numpy(np.log(len(owner) / frequency)).float().clamp(min=0.1)
    for row, linked in enumerate(lists):
        columns = np.flatnonzero(np.isin(shared, linked, assume_unique=True))
        labels[row, columns] = rarity[columns]
    return labels / labels.sum(1, keepdim=True).clamp(min=1e-6)
