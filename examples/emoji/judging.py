"""Queries the demo kept aside: recordings in a voice, and pictures of variants, that were never ingested."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from examples.emoji.catalogue import SPOKEN_QUERIES, VARIANT_QUERIES
from examples.emoji.report.data import Judged

__all__ = ["judge", "read_queries"]

Report = Callable[[str, int, int], None]

_SETS = (
    (SPOKEN_QUERIES, "audio", "Spoken names in a voice that no recording of the catalogue has"),
    (VARIANT_QUERIES, "image", "Skin-tone variants that were left out of the catalogue"),
)


def read_queries(path: Path) -> list[dict[str, Any]]:
    """The queries of a file; none where the file is not there."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judge(kb: Any, catalogue: Path, *, limit: int, report: Report) -> tuple[Judged, ...]:
    """hit@1 and hit@10 of each set, asked as a user would ask.

    Args:
        kb: The knowledge base.
        catalogue: Folder of the catalogue.
        limit: Queries of each set at most.
        report: Called as the work goes on.
    """
    judged = []
    for file, modality, title in _SETS:
        queries = read_queries(catalogue / file)[:limit]
        ranks = []
        for done, query in enumerate(queries, start=1):
            hits = kb.search(**{modality: catalogue / query[modality]}, into="emoji", k=10)
            ranks.append(next((hit.rank for hit in hits if hit.key in query["expect"]), 0))
            report(f"asking by {modality}", done, len(queries))
        if ranks:
            first, ten = (sum(0 < rank <= k for rank in ranks) / len(ranks) for k in (1, 10))
            judged.append(Judged(title, modality, len(ranks), first, ten))
    return tuple(judged)
