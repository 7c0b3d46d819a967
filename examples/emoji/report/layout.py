"""The fused space laid out in two dimensions."""

from __future__ import annotations

import numpy as np

__all__ = ["lay_out"]

_COMPONENTS = 50
_ROUNDS = 200
#: How much an axis is its ranks rather than its positions.
_RANKED = 0.7


def lay_out(vectors: np.ndarray, seed: int = 0, *, aspect: float = 1.6) -> np.ndarray:
    """Places vectors on a plane so that near ones stay near, then nudges overlapping ones apart.

    PCA to 50 dimensions, t-SNE to two.

    Args:
        vectors: `(items, dim)`.
        seed: Of t-SNE.
        aspect: Width over height of the plane they are drawn on.

    Returns:
        `(items, 2)` in [0, 1], x before y.

    References:
        van der Maaten and Hinton 2008.
    """
    if len(vectors) < 3:
        return np.stack([np.linspace(0.3, 0.7, len(vectors)), np.full(len(vectors), 0.5)], axis=1)
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    components = min(_COMPONENTS, *vectors.shape)
    reduced = PCA(components, random_state=seed).fit_transform(vectors.astype(np.float64))
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    plane = TSNE(2, perplexity=perplexity, init="pca", max_iter=750, random_state=seed).fit_transform(reduced)
    plane = _ranked(np.asarray(plane, dtype=np.float64)) * [aspect, 1.0]  # (items, 2)
    plane = _apart(plane, distance=0.72 * float(np.sqrt(aspect / len(plane))))
    low, high = plane.min(axis=0), plane.max(axis=0)
    return np.asarray((plane - low) / np.maximum(high - low, 1e-9))


def _ranked(plane: np.ndarray) -> np.ndarray:
    """Position mixed with rank on each axis: islands keep their place, the sea between them shrinks."""
    ranks = plane.argsort(axis=0).argsort(axis=0) / max(1, len(plane) - 1)
    low, high = plane.min(axis=0), plane.max(axis=0)
    return np.asarray(_RANKED * ranks + (1 - _RANKED) * (plane - low) / np.maximum(high - low, 1e-9))


def _apart(plane: np.ndarray, distance: float) -> np.ndarray:
    """Pushes points that are closer than `distance` away from each other, a little at a time."""
    from scipy.spatial import cKDTree

    plane = plane.copy()
    for _ in range(_ROUNDS):
        pairs = cKDTree(plane).query_pairs(distance, output_type="ndarray")
        if not len(pairs):
            break
        first, second = pairs.T
        away = plane[first] - plane[second]  # (pairs, 2)
        length = np.linalg.norm(away, axis=1, keepdims=True)
        # Points on the very same spot have no direction; any fixed one will do.
        away = np.where(length > 1e-9, away / np.maximum(length, 1e-9), [[1.0, 0.0]])
        push = 0.4 * np.maximum(distance - length, 0.0) * away
        np.add.at(plane, first, push)
        np.add.at(plane, second, -push)
    return plane
