"""Tokens of a batch of items, packed flat: what is absent takes no room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm.errors import DimensionError, InputError

__all__ = ["KINDS", "TokenBatch", "pack", "thin"]

#: Kinds of token, in the order of their embeddings; a path is where the entity stands in its trees.
KINDS = ("text", "image", "audio", "graph", "path")


class TokenBatch(NamedTuple):
    """Tokens of ``size`` items."""

    size: int
    #: kind -> (tokens, dim_kind)
    values: dict[str, Tensor]
    #: kind -> (tokens,) int64, the item each token belongs to, ascending
    owners: dict[str, Tensor]
    #: kind -> (tokens,), logarithm of the weight asked for; None when all weigh the same
    log_weights: dict[str, Tensor] | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> TokenBatch:
        """The batch with each of its tensors changed: moved, or pinned."""
        parts = (self.values, self.owners, self.log_weights)
        changed = [None if part is None else {kind: change(part[kind]) for kind in part} for part in parts]
        return TokenBatch(self.size, changed[0] or {}, changed[1] or {}, changed[2])


def thin(count: int, most: int) -> npt.NDArray[np.int64]:
    """Positions of at most ``most`` of ``count`` tokens, evenly spread and always the same, ``(n,)``."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


def pack(
    items: Sequence[Mapping[str, npt.NDArray[np.floating]]],
    dims: Mapping[str, int],
    *,
    max_tokens: int,
    weights: Sequence[Mapping[str, float]] | Mapping[str, float] | None = None,
    device: torch.device | str = "cpu",
) -> TokenBatch:
    """Tokens of items given as arrays.

    Args:
        items: Kind to ``(tokens, dim_kind)`` or ``(dim_kind,)``; rows with NaN count as absent.
        dims: Kind to ``dim_kind``.
        max_tokens: Most tokens of one kind that are taken.
        weights: Kind to weight, for all items or for each; 0 leaves the kind out.
        device: Where the tensors shall lie.

    Raises:
        InputError: An item has no token, or one of a kind that the model does not know.
        DimensionError: A token has another length than the model was trained with.
    """
    values: dict[str, list[npt.NDArray[np.float32]]] = {kind: [] for kind in dims}
    owners: dict[str, list[int]] = {kind: [] for kind in dims}
    logs: dict[str, list[float]] = {kind: [] for kind in dims}
    for row, item in enumerate(items):
        asked = weights if isinstance(weights, Mapping) or weights is None else weights[row]
        found = 0
        for kind, array in item.items():
            rows = _rows(kind, array, dims)
            weight = 1.0 if asked is None else float(asked.get(kind, 1.0))
            rows = rows[thin(len(rows), max_tokens)] if weight > 0 else rows[:0]
            values[kind].append(rows)
            owners[kind] += [row] * len(rows)
            logs[kind] += [float(np.log(weight))] * len(rows) if weight > 0 else []
            found += len(rows)
        if not found:
            raise InputError(
                "nothing to fuse: no token is present",
                where=f"item {row}",
                remedy="give at least one modality",
            )
    used = [kind for kind in dims if owners[kind]]
    return TokenBatch(
        len(items),
        {k: torch.from_numpy(np.concatenate(values[k])).to(device) for k in used},
        {k: torch.tensor(owners[k]).to(device) for k in used},
        None if weights is None else {k: torch.tensor(logs[k]).to(device) for k in used},
    )


def _rows(kind: str, array: npt.NDArray[np.floating], dims: Mapping[str, int]) -> npt.NDArray[np.float32]:
    """An item's tokens of one kind as ``(tokens, dim_kind)`` without those that hold NaN."""
    if kind not in dims:
        raise InputError(
            f"the model knows no {kind} token", where=kind, remedy=f"it was trained with {', '.join(dims)}"
        )
    rows = np.atleast_2d(np.asarray(array, dtype=np.float32))
    if rows.shape[-1] != dims[kind]:
        raise DimensionError(
            f"{kind} vector has {rows.shape[-1]} dimensions, the model needs {dims[kind]}",
            where=kind,
            remedy="encode it with the encoder that the release names",
        )
    return rows[np.isfinite(rows).all(axis=1)]
