"""What the report shows, as plain values: the page knows no knowledge base, and a test can fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "BASELINES",
    "Example",
    "Figure",
    "HitView",
    "Judged",
    "MapPoint",
    "QueryPart",
    "ReportData",
    "Step",
]

#: Baseline in the evaluation report -> what the page calls it.
BASELINES = {"late_fusion": "late fusion", "best_single": "best single modality"}


@dataclass(frozen=True)
class Step:
    """One step of the demo and how long it took."""

    title: str
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Gain:
    """What fusion gained over one baseline on the same queries, by one metric."""

    baseline: str
    #: The space that the best single modality is; how late fusion is done.
    space: str
    metric: str
    fused: float
    reached: float
    #: Mean of the paired differences and its 95 % interval.
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Figure:
    """One line of the evaluation: queries of a modality, answers known by everything or by one modality."""

    query: str
    #: `any`, or the only modality that the answers are known by.
    target: str
    queries: int
    hit10: float
    mrr: float
    #: 95 % interval of hit@10.
    interval: tuple[float, float] | None = None
    gains: tuple[Gain, ...] = ()
    #: Domains of the queries and of the answers.
    domains: tuple[str, str] = ("", "")

    @property
    def baselines(self) -> dict[str, float]:
        """Baseline -> its hit@10."""
        return {gain.baseline: gain.reached for gain in self.gains if gain.metric == "hit@10"}


@dataclass(frozen=True)
class Judged:
    """Queries the demo kept aside, asked of the finished release."""

    title: str
    modality: str
    queries: int
    hit1: float
    hit10: float


@dataclass(frozen=True)
class QueryPart:
    """One part of an example query."""

    #: text, image, audio or entity.
    kind: str
    #: The text, or the path of the medium, or the entity's key.
    value: str
    label: str = ""
    negative: bool = False
    lang: str = ""


@dataclass(frozen=True)
class HitView:
    """One answer."""

    rank: int
    key: str
    title: str
    score: float
    #: Modalities the hit was judged on.
    present: tuple[str, ...] = ()
    #: Whether this is the answer that was looked for.
    expected: bool = False


@dataclass(frozen=True)
class Example:
    """An example query with its hits."""

    title: str
    note: str
    #: The same query on the command line.
    command: str
    parts: tuple[QueryPart, ...]
    hits: tuple[HitView, ...]


@dataclass(frozen=True)
class MapPoint:
    """An entity on the two-dimensional map; x and y in [0, 1]."""

    key: str
    x: float
    y: float
    title: str
    group: str
    char: str
    #: Language -> name, English left out (that is the title).
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportData:
    """Everything on the page."""

    release: str
    counts: Mapping[str, int]
    steps: tuple[Step, ...]
    figures: tuple[Figure, ...]
    judged: tuple[Judged, ...]
    examples: tuple[Example, ...]
    points: tuple[MapPoint, ...]
    #: Key -> picture and recording of the entity, for those that have one.
    pictures: Mapping[str, Path] = field(default_factory=dict)
    sounds: Mapping[str, Path] = field(default_factory=dict)
    #: Package that was not installed -> what the catalogue lacks for it.
    missing: Mapping[str, str] = field(default_factory=dict)
    #: Metric of link prediction -> value.
    links: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
