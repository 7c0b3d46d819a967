"""The gate: may a candidate take over from the active release?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from chiasm.releases.rules import GateRules, gate_rules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from chiasm.training import Judged

__all__ = ["GateDecision", "Standing", "judge"]

_AT = {"hit@10": 0, "mrr": 1}


@dataclass(frozen=True)
class GateDecision:
    """Whether the candidate passes, and why."""

    passed: bool
    reasons: list[str]
    compared: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Standing:
    """What is known of a release at the gate."""

    #: Report, as of `chiasm evaluate --json`.
    metrics: Mapping[str, Any]
    #: How it answered frozen queries; None for a release of before they were kept.
    judged: Judged | None = None
    #: Median of a search.
    p50_ms: float | None = None
    size_bytes: int | None = None
    #: Share of the live entities with something to be fused from that have a vector.
    coverage: float | None = None


def judge(candidate: Standing, active: Standing | None, rules: GateRules | None = None) -> GateDecision:
    """Hold a candidate against the active release; every rule that it breaks is a reason in words.

    A first release has nothing to lose and passes.

    Args:
        candidate: The release to promote; its `paired` results are of the active release's queries.
        active: The release that answers now; None for a first release.
        rules: What is asked for; default the shipped rules.
    """
    if active is None:
        return GateDecision(True, ["first release"])
    rules = rules or gate_rules()
    broken: list[str] = []
    compared: list[dict[str, Any]] = []
    if active.judged is not None and candidate.judged is not None:
        _paired(candidate.judged, active.judged, rules, broken, compared)
    else:
        _by_report(candidate.metrics, active.metrics, broken, compared)
    _ratio("latency", "ms", candidate.p50_ms, active.p50_ms, rules.latency_ratio, broken, compared)
    _ratio("size", "bytes", candidate.size_bytes, active.size_bytes, rules.size_ratio, broken, compared)
    _figures(candidate, active, rules, broken, compared)
    if broken:
        return GateDecision(False, broken, compared)
    return GateDecision(True, [f"no loss in {len(compared)} comparisons"], compared)


def _paired(
    candidate: Judged, active: Judged, rules: GateRules, broken: list[str], compared: list[dict[str, Any]]
) -> None:
    """The same queries with the same truth, answered by both."""
    import numpy as np

    both = [query for query in active.queries if query.id in candidate.paired and query.id in active.results]
    total = len(active.results)
    if total >= rules.queries_at_least and len(both) < max(
        rules.queries_at_least, rules.queries_share * total
    ):
        broken.append(
            f"only {len(both)} of the {total} queries that the active release was judged on can still be "
            "asked: what they ask for is gone from the catalogue"
        )
    if not both:
        return
    ours = np.array([candidate.paired[query.id] for query in both])
    theirs = np.array([active.results[query.id] for query in both])
    groups = np.unique([query.sha256 for query in both], return_inverse=True)[1]
    lines: dict[tuple[str, str, str], list[int]] = {}
    for at, query in enumerate(both):
        lines.setdefault((query.modality, query.domain_from, query.domain_into), []).append(at)
    if rules.primary_gain is not None and len(both) >= rules.queries_at_least:
        how = rules.primary_metric
        row = _line("all queries", ours, theirs, groups, how, rules.lines_confidence)
        compared.append(row)
        if row["difference"] < rules.primary_gain:
            broken.append(f"{_said(row, how)}: the gain must be at least {rules.primary_gain:+.3f}")
    for (modality, origin, into), some in sorted(lines.items()):
        if rules.lines_loss is None or len(some) < rules.lines_at_least:
            continue
        how = rules.lines_metric
        name = f"{modality}, {origin or '-'} -> {into or '-'}"
        row = _line(name, ours[some], theirs[some], groups[some], how, rules.lines_confidence)
        compared.append(row)
        if row["high"] < -rules.lines_loss:
            broken.append(f"{_said(row, how)}: the loss is surely more than {rules.lines_loss:.3f}")


def _line(
    name: str,
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    groups: NDArray[np.int64],
    metric: str,
    confidence: float,
) -> dict[str, Any]:
    """Means of both, and the mean difference with its interval by a paired bootstrap."""
    import numpy as np

    from chiasm.training.metrics import clustered

    at = _AT[metric]
    difference = ours[:, at] - theirs[:, at]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(clustered(groups) @ difference, [tail, 100 - tail])
    return {
        "line": name,
        "n": len(ours),
        "metric": metric,
        "active": round(float(theirs[:, at].mean()), 4),
        "candidate": round(float(ours[:, at].mean()), 4),
        "difference": round(float(difference.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def _said(row: Mapping[str, Any], metric: str) -> str:
    return (
        f"{row['line']} ({row['n']} queries): {metric} {row['active']:.3f} -> {row['candidate']:.3f} "
        f"({row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}])"
    )


def _by_report(
    candidate: Mapping[str, Any],
    active: Mapping[str, Any],
    broken: list[str],
    compared: list[dict[str, Any]],
) -> None:
    """Row by row of the reports, where the active release is of before queries were frozen.

    A row fails when the candidate's whole 95 % interval lies under the active release's figure.
    """
    metric = "hit@10"
    before = {_key(row): row for row in active.get("retrieval", [])}
    for row in candidate.get("retrieval", []):
        other = before.get(_key(row))
        if other is None or not row.get("n"):
            continue
        low, high = row["ci95"][metric]
        place = " -> ".join(str(part) for part in _key(row) if part)
        compared.append({"line": place, "metric": metric, "active": other[metric], "candidate": row[metric]})
        if high < other[metric]:
            broken.append(
                f"{place}: {metric} {other[metric]:.3f} -> {row[metric]:.3f} [{low:.3f}, {high:.3f}]"
            )


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("query", "target", "from", "into"))


def _ratio(
    name: str,
    unit: str,
    ours: float | None,
    theirs: float | None,
    most: float | None,
    broken: list[str],
    compared: list[dict[str, Any]],
) -> None:
    if most is None or not ours or not theirs:
        return
    compared.append({"line": name, "unit": unit, "active": theirs, "candidate": ours})
    if ours > most * theirs:
        broken.append(
            f"{name}: {theirs:,.6g} -> {ours:,.6g} {unit}, {ours / theirs:.2f} times as much: {most:g} are allowed"
        )


def _figures(
    candidate: Standing,
    active: Standing,
    rules: GateRules,
    broken: list[str],
    compared: list[dict[str, Any]],
) -> None:
    """Coverage, calibration, and what is left where one kind of evidence is missing."""
    error = [float(one.metrics.get("calibration", {}).get("ece", "nan")) for one in (active, candidate)]
    figures = [
        ("coverage", active.coverage, candidate.coverage, rules.coverage_loss),
        # Of an error more is worse.
        ("calibration error", -error[0], -error[1], rules.calibration_loss),
    ]
    for modality, ours in candidate.metrics.get("missing", {}).items():
        for kind, value in ours.items() if isinstance(ours, Mapping) else ():
            theirs = active.metrics.get("missing", {}).get(modality, {}).get(kind)
            if isinstance(theirs, int | float) and isinstance(value, int | float):
                figures.append(
                    (f"{modality} queries without {kind}: hit@10", theirs, value, rules.missing_loss)
                )
    for name, theirs, ours_, most in figures:
        if most is None or theirs is None or ours_ is None or theirs != theirs or ours_ != ours_:
            continue
        compared.append({"line": name, "active": abs(theirs), "candidate": abs(ours_)})
        if theirs - ours_ > most:
            broken.append(f"{name}: {abs(theirs):.4f} -> {abs(ours_):.4f}, which is more than {most:g} worse")
