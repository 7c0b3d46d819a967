"""Hits as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chiasm.cli.frame import Frame

if TYPE_CHECKING:
    from chiasm.client import Hit, Hits

__all__ = ["show_hits"]

#: Of evidence, as explanations name it.
_KINDS = ("text", "image", "audio", "graph", "fused", "match")


def show_hits(frame: Frame, hits: Hits, *, explain: bool, grouped: bool) -> None:
    """A table, or JSON if that is asked for; what could not be asked is a note."""
    from chiasm.cli.tables import plain_table

    if frame.as_json:
        frame.answer(hits.to_dict())
        return
    for warning in hits.warnings:
        frame.note(f"note: {warning}")
    if hits:
        names = ["group"] if grouped else []
        rows = [
            (hit.rank, f"{hit.score:.3f}", hit.key, hit.title, hit.domain, hit.present)
            + ((hit.group,) if grouped else ())
            for hit in hits
        ]
        columns = ["", "score", "key", "title", "domain", "present", *names]
        frame.out().print(plain_table(columns, rows, right=["", "score"]))
    for hit in hits if explain else ():
        # What data calls itself is no markup.
        frame.out().print(_why(hit), markup=False, highlight=False, soft_wrap=True)
    frame.note(f"{len(hits)} hits from {hits.release} in {hits.took_ms:.1f} ms")
    if hits.next_cursor:
        frame.note(f"more: --cursor {hits.next_cursor}")


def _why(hit: Hit) -> str:
    """Shares with bars and ranks without them, what the neighbours add, paths; a line each."""
    why = hit.why or {}
    lines = [f"{hit.rank} {hit.key} {hit.title or ''}"]
    for kind in (kind for kind in _KINDS if kind in why):
        found = (why.get("without") or {}).get(kind)
        line = f"    {kind:<6}{why[kind]:>+6.0%}  {_bar(why[kind]):<12}"
        lines.append(line + (f"without {kind}: rank {hit.rank} -> {_rank(found)}" if found else ""))
    for edge in why.get("edges") or ():
        lines.append(f"    {edge['share']:>+12.1%}  {_path(['', *edge['path'][1:]]).strip()}")
    lines.extend(f"    path {_path(path)}" for path in why.get("paths") or ())
    return "\n".join(line.rstrip() for line in lines)


def _rank(found: Mapping[str, int | None]) -> str:
    return "not found" if found.get("rank") is None else str(found["rank"])


def _bar(share: float) -> str:
    """Ten characters for everything; what speaks against a hit is drawn otherwise."""
    return ("#" if share > 0 else "-") * min(round(abs(share) * 10), 20)


def _path(path: Sequence[str]) -> str:
    return " ".join(_arrow(at, step) for at, step in enumerate(path))


def _arrow(at: int, step: str) -> str:
    if at % 2 == 0:
        return step
    return f"<-{step[1:]}-" if step.startswith("^") else f"-{step}->"
