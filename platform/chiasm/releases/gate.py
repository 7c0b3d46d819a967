"""The gate: may a candidate take over from the active release?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["GateDecision", "judge"]

_METRIC = "hit@10"


@dataclass(frozen=True)
class GateDecision:
    """Whether the candidate passes, and why."""

    passed: bool
    reasons: list[str]
    compared: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON."""
        return asdict(self)


def judge(candidate: dict[str, Any], active: dict[str, Any] | None) -> GateDecision:
    """Compare two evaluation reports row by row.

    A row fails when the candidate's whole 95 % interval lies under the active release's figure: a loss
    that the number of queries can show. A first release has nothing to lose and passes.

    Args:
        candidate: Report of the release to promote (`chiasm evaluate --json`).
        active: Report of the release that answers now; None for a first release.
    """
    if active is None:
        return GateDecision(True, ["first release"])
    before = {_key(row): row for row in active.get("retrieval", [])}
    compared, lost = [], []
    for row in candidate.get("retrieval", []):
        other = before.get(_key(row))
        if other is None or not row.get("n"):
            continue
        low, high = row["ci95"][_METRIC]
        compared.append({**_key_names(row), "active": other[_METRIC], "candidate": row[_METRIC]})
        if high < other[_METRIC]:
            place = " -> ".join(str(part) for part in _key(row) if part)
            lost.append(
                f"{place}: {_METRIC} {other[_METRIC]:.3f} -> {row[_METRIC]:.3f} [{low:.3f}, {high:.3f}]"
            )
    if lost:
        return GateDecision(False, lost, compared)
    return GateDecision(True, [f"no loss in {len(compared)} comparisons"], compared)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("query", "target", "from", "into"))


def _key_names(row: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(("query", "target", "from", "into"), _key(row), strict=True))
