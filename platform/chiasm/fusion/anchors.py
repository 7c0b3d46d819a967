"""Starting projections: one space in which the tokens of all modalities already mean the same."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from chiasm.fusion.transformer import FusionTransformer
from chiasm_graph import NeighbourGnn

__all__ = ["anchor_modality", "principal_axes", "ridge_map", "start_from_anchors"]

Floats = npt.NDArray[np.float32]


def anchor_modality(counts: Mapping[str, int]) -> str:
    """The modality the others are mapped into: text where there is any, otherwise the most frequent."""
    return "text" if counts.get("text") else max(sorted(counts), key=lambda m: counts[m])


def principal_axes(features: Floats, dim: int) -> Floats:
    """The ``dim`` directions that hold most of the features' energy, strongest first, ``(dim, dim_kind)``.

    Not centred, so that cosines survive; leading parts of a vector written in them are its best short forms.
    Rows beyond the features' own width are zero.
    """
    rows = np.asarray(features, dtype=np.float64)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    axes = vectors[:, np.argsort(-values, kind="stable")[:dim]].T
    # An eigenvector's sign is arbitrary; fix it so that runs on other machines agree.
    axes *= np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)[:, None]
    padded = np.zeros((dim, rows.shape[1]), dtype=np.float32)
    padded[: len(axes)] = axes
    return padded


def ridge_map(features: Floats, targets: Floats, penalty: float = 0.1) -> Floats:
    """Linear map from features to targets, ``(dim_target, dim_kind)``.

    ``penalty`` is a share of the mean energy.
    """
    x, y = features.astype(np.float64), targets.astype(np.float64)
    gram = x.T @ x
    gram += np.eye(len(gram)) * (penalty * np.trace(gram) / len(gram) + 1e-6)
    return np.linalg.solve(gram, x.T @ y).T.astype(np.float32)


def start_from_anchors(
    fusion: FusionTransformer,
    gnn: NeighbourGnn | None,
    pooled: Mapping[str, tuple[Floats, npt.NDArray[np.bool_]]],
    aligned: Mapping[str, tuple[int, int]],
) -> None:
    """Set the projections so that an untrained model is the mean of what an item has.

    Args:
        fusion: Its projections are overwritten.
        gnn: Likewise.
        pooled: Modality to mean features of entities, ``(entities, dim_kind)``, and which have any,
            ``(entities,)``.
        aligned: Modality to the columns of its features that already lie in one space: the text features'
            (distilled students), or without text that of students which were trained as a pair.
    """
    anchor = anchor_modality({m: int(there.sum()) for m, (_, there) in pooled.items()})
    values, has_anchor = pooled[anchor]
    # Leading rows are the best shorter form, so the narrower of the two takes these of the same maps.
    dim = max(fusion.dim, gnn.dim if gnn is not None else 0)
    axes = principal_axes(_columns(values, aligned.get(anchor))[has_anchor], dim)
    maps = {anchor: _placed(axes, values.shape[1], aligned.get(anchor))}
    targets = values @ maps[anchor].T
    for modality, (features, there) in pooled.items():
        both = there & has_anchor
        if modality == anchor:
            continue
        if modality in aligned and (anchor == "text" or anchor in aligned):
            maps[modality] = _placed(axes, features.shape[1], aligned[modality])
        elif both.sum() >= 2:
            maps[modality] = ridge_map(features[both], targets[both])
        else:
            maps[modality] = principal_axes(features[there], dim)
    with torch.no_grad():
        for modality, matrix in maps.items():
            _linear(fusion.projections[modality]).weight.copy_(torch.from_numpy(matrix[: fusion.dim]))
            if gnn is not None:
                _linear(gnn.projections[modality]).weight.copy_(torch.from_numpy(matrix[: gnn.dim]))
        if "path" in fusion.projections:
            _linear(fusion.projections["path"]).weight.copy_(torch.from_numpy(maps["text"][: fusion.dim]))
        if gnn is not None:
            nn.init.eye_(_linear(fusion.projections["graph"]).weight)


def _columns(values: Floats, span: tuple[int, int] | None) -> Floats:
    return values if span is None else values[:, slice(*span)]


def _placed(axes: Floats, width: int, span: tuple[int, int] | None) -> Floats:
    """Axes of some columns of a feature as a map of all of it, ``(dim, width)``."""
    if span is None:
        return axes
    matrix = np.zeros((len(axes), width), dtype=np.float32)
    matrix[:, slice(*span)] = axes
    return matrix


def _linear(module: nn.Module) -> nn.Linear:
    if not isinstance(module, nn.Linear):
        raise TypeError(f"projection is a {type(module).__name__}, not a linear map")
    return module
