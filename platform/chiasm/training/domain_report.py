"""How well each domain is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["domain_report"]


def domain_report(retrieval: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Queries and mean hit@10 into each domain."""
    result: dict[str, Any] = {}
    for into in sorted({row["into"] for row in retrieval}):
        rows = [row for row in retrieval if row["into"] == into and row["target"] == "any"]
        total = sum(row["n"] for row in rows)
        if total:
            result[into] = {"n": total, "hit@10": round(sum(r["n"] * r["hit@10"] for r in rows) / total, 4)}
    return result
