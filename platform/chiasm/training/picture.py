"""Entities as points of a plane, for a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["plane_map"]

#: Points of the map.
_POINTS = 800


def plane_map(
    vectors: npt.NDArray[np.floating],
    domains: Sequence[str],
    most: int = _POINTS,
) -> dict[str, Any]:
    """The two strongest axes of unit vectors: ``{"points": [[x, y, domain]], "domains", "energy"}``.

    Principal components and nothing finer: distances in the plane are then never larger than in the space, and the
    same release always gives the same map. ``energy`` is the share of the variance that the plane shows.

    Args:
        vectors: ``(entities, dim)``.
        domains: Of the entities.
        most: Points; more entities are thinned out evenly.
    """
    if len(vectors) < 2:
        return {}
    kept = np.unique(np.linspace(0, len(vectors) - 1, min(most, len(vectors))).round().astype(np.int64))
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred)
    plane = axes[:, ::-1][:, :2]
    # An eigenvector's sign is arbitrary; the largest entry says which is up.
    plane = plane * np.where(plane[np.abs(plane).argmax(axis=0), range(plane.shape[1])] < 0, -1.0, 1.0)
    names = sorted({str(name) for name in domains})
    places = centred[kept] @ plane
    # No keys and no titles: reports outlive what was forgotten.
    points = [
        [round(float(x), 4), round(float(y), 4), names.index(str(domains[at]))]
        for at, (x, y) in zip(kept, places, strict=True)
    ]
    energy = float(values[::-1][:2].sum() / max(values.sum(), 1e-12))
    return {"points": points, "domains": names, "energy": round(energy, 4)}
