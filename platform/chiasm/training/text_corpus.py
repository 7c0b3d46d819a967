"""What a text student is taught with: a snapshot's texts, their parts, and further lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chiasm.training.lists import items_of
from chiasm.training.snapshot import Snapshot

__all__ = ["taught_texts"]

_WORD = re.compile(r"\w[\w'-]*")
#: Of these a query has fewer; the teacher would need most of its time for them.
_MOST_CHARACTERS = 160


def taught_texts(snapshot: Snapshot, held_out: frozenset[str], more: Iterable[str] = ()) -> list[str]:
    """Texts to teach with, sorted: those of a snapshot, what they list, their sentences and words, and `more`.

    Queries are short, so parts of texts teach more than the whole of a long one.

    Args:
        snapshot: With the texts.
        held_out: Texts in lower case that are left out wherever they come from.
        more: Further lines.
    """
    mine = snapshot.column("assets", "modality") == "text"
    found: set[str] = set()
    for value in snapshot.column("assets", "value")[mine]:
        text = str(value or "").strip()
        found |= {text, *items_of(text), *re.split(r"(?<=[.!?;])\s+", text), *_WORD.findall(text)}
    found |= {line.strip() for line in more}
    return sorted(
        text for text in found if 0 < len(text) <= _MOST_CHARACTERS and text.lower() not in held_out
    )
