"""Which segments of a space are worth merging: sizes double, so that each row is rewritten a few times only."""

from __future__ import annotations

from collections.abc import Mapping

from chiasm.spaces.kinds import HNSW_ROWS

__all__ = ["due"]

#: So many rows in small segments are searched slower than by an index of their own.
_CROWD_ROWS = 2 * HNSW_ROWS
#: A segment with more dead rows than this share is rewritten without them.
_DEAD_SHARE = 0.5


def due(rows: Mapping[int, tuple[int, int]], min_segments: int) -> list[int]:
    """The segments to be merged into one now; none if it is not worth it.

    Small ones go together when they are many, or as large together as what has an index. Each larger one joins
    that is no larger than what is merged anyway: so at most one segment of a size remains.

    Args:
        rows: Segment -> rows in its file, and how many of them live.
        min_segments: Fewer small ones are left alone.
    """
    small = [one for one, (held, _) in rows.items() if held < HNSW_ROWS]
    alive = sum(rows[one][1] for one in small)
    chosen = small if len(small) >= max(min_segments, 1) or alive >= _CROWD_ROWS else []
    sparse = [one for one, (held, lives) in rows.items() if held >= HNSW_ROWS and lives < _DEAD_SHARE * held]
    chosen = [*chosen, *sparse]
    total = sum(rows[one][1] for one in chosen)
    for one in sorted(set(rows) - {*small, *sparse}, key=lambda one: rows[one]):
        size = rows[one][1]
        if chosen and size > total:
            break
        chosen.append(one)
        total += size
    return chosen if len(chosen) > 1 or sparse else []
