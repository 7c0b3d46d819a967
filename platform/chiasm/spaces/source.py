"""What may name candidates of a large segment in the place of the segment's own index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from chiasm.spaces.kinds.base import Floats, Ints
from chiasm.spaces.segment import SegmentFile

__all__ = ["CandidateSource"]


class CandidateSource(ABC):
    """Rows of segments that are likely near to queries: derived, maybe away, never the truth.

    Whoever asks masks what is dead and scores from the feature block, so a source may be lossy, late or gone:
    the answer is then the segment's own. Safe to share between threads.
    """

    #: As shown to people.
    name: ClassVar[str]
    #: Up to so many rows can be named in a question; 0: none, candidates are filtered afterwards.
    max_listed: ClassVar[int]
    #: More candidates a query than this are not asked for.
    max_candidates: ClassVar[int]

    @abstractmethod
    def ready(self, segment: SegmentFile) -> bool:
        """Whether the segment's rows are all there. Says no, and raises nothing, while the source is away."""

    @abstractmethod
    def candidates(self, segment: SegmentFile, queries: Floats, n: int, rows: Ints | None = None) -> Ints:
        """Row numbers, ``(queries, n)``, padded with -1; of a segment that is `ready`.

        Args:
            segment: The segment.
            queries: Unit vectors, ``(queries, dim)``.
            n: How many a query, at most `max_candidates`.
            rows: Only these rows, at most `max_listed` of them; all by default.

        Raises:
            UnavailableError: The source is away; it is not ready for a while.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Give connections and memory back."""
