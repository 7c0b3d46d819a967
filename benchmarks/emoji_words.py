"""The emoji as parts of a catalogue, and the words that no entity has: what several benchmarks do with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared_data import read_lines, shared_data

__all__ = ["EmojiParts", "ranks_of"]

_HIT = 10


class EmojiParts:
    """Manifests of some of the emoji, beside their pictures, and the query file of words.

    Args:
        work: Folder that they are written to.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        source = shared_data() / "emoji"
        shutil.copytree(source / "png", work / "png", dirs_exist_ok=True)
        self.records = read_lines(source / "emoji.jsonl")
        self.queries = read_lines(source / "queries-text.jsonl")

    def manifest(self, name: str, records: Sequence[Mapping[str, Any]]) -> Path:
        """The manifest of these records."""
        path = self._work / f"{name}.jsonl"
        path.write_text(
            "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8"
        )
        return path

    def found(self, kb: Any) -> tuple[np.ndarray, str]:
        """Whether each query finds an expected emoji among ten, ``(queries,)``; the release that answered.

        Raises:
            SystemExit: Several releases answered.
        """
        releases = set()

        def ask(query: Mapping[str, Any]) -> Any:
            hits = kb.search(text=query["text"], into="emoji", k=_HIT)
            releases.add(hits.release)
            return hits

        ranks = ranks_of(self.queries, ask)
        if len(releases) != 1:
            raise SystemExit(f"several releases answered: {sorted(releases)}")
        return ranks > 0, releases.pop()


def ranks_of(queries: Sequence[Mapping[str, Any]], ask: Callable[[Mapping[str, Any]], Any]) -> np.ndarray:
    """1 / rank of the first expected hit, 0 where there is none, (queries,)."""
    found = []
    for query in queries:
        expected = set(query["expect"])
        rank = next((hit.rank for hit in ask(query) if hit.key in expected), None)
        found.append(0.0 if rank is None else 1.0 / rank)
    return np.array(found)
