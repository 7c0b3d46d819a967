"""Figures of a release in use, by name: what `--when-metric NAME<X` reads.

Names, not imports: what is above this package is loaded when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

from sqlalchemy.orm import Session

from chiasm.errors import UsageError

__all__ = ["METRICS", "parse_bound", "read_metric"]

#: `read(session, workspace_id, since)` -> the figure of the active release since then, or None without enough to tell.
Metric = Callable[[Session, int, float], float | None]

METRICS = {
    #: Share of the hits that people judged, in answers of the active release, which they accepted.
    "accept_rate": "chiasm.releases.live:accept_rate",
    #: Of the newest report of `chiasm evaluate`, the mean of its rows, weighted by their queries.
    "hit@10": "chiasm.releases.live:hit_at_ten",
    "mrr": "chiasm.releases.live:mean_reciprocal_rank",
}

_FORM = re.compile(r"\s*([a-z][a-z0-9_@]*)\s*<\s*([0-9]*\.?[0-9]+)\s*")


def parse_bound(text: str) -> tuple[str, float]:
    """The figure's name and what it must not fall below.

    Raises:
        UsageError: It is not of the form `NAME<X`, the figure is unknown, or the bound is not between 0 and 1.
    """
    found = _FORM.fullmatch(text) if len(text) < 100 else None
    if found is None:
        raise UsageError(
            f"{text[:100]!r} is no bound of a figure", where="--when-metric", remedy='as in "accept_rate<0.6"'
        )
    name, bound = found[1], float(found[2])
    if name not in METRICS:
        known = ", ".join(sorted(METRICS))
        raise UsageError(f"no figure {name!r}", where="--when-metric", remedy=f"known are {known}")
    if not 0 < bound <= 1:
        raise UsageError(
            f"{bound:g} is no bound", where="--when-metric", remedy="figures are between 0 and 1"
        )
    return name, bound


def read_metric(session: Session, workspace_id: int, name: str, since: float) -> float | None:
    """A figure of the active release since a time; None where too little was seen."""
    module, _, function = METRICS[name].partition(":")
    read: Metric = getattr(import_module(module), function)
    return read(session, workspace_id, since)
