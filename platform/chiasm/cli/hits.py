"""Hits as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiasm.cli.frame import Frame

if TYPE_CHECKING:
    from chiasm.client import Hit, Hits

__all__ = ["show_hits"]


def show_hits(frame: Frame, hits: Hits, *, explain: bool, grouped: bool) -> None:
    """A table, or JSON if that is asked for; what could not be asked is a note."""
    from chiasm.cli.tables import plain_table

    if frame.as_json:
        frame.answer(hits.to_dict())
        return
    for warning in hits.warnings:
        frame.note(f"note: {warning}")
    if hits:
        more = {"group": grouped, "why": explain}
        names = [name for name, shown in more.items() if shown]
        rows = [
            (hit.rank, f"{hit.score:.3f}", hit.key, hit.title, hit.domain, hit.present, *_more(hit, names))
            for hit in hits
        ]
        columns = ["", "score", "key", "title", "domain", "present", *names]
        frame.out().print(plain_table(columns, rows, right=["", "score"]))
    frame.note(f"{len(hits)} hits from {hits.release} in {hits.took_ms:.1f} ms")
    if hits.next_cursor:
        frame.note(f"more: --cursor {hits.next_cursor}")


def _more(hit: Hit, names: list[str]) -> list[Any]:
    return [_why(hit) if name == "why" else hit.group for name in names]


def _why(hit: Hit) -> str:
    why = hit.why or {}
    lines = [" ".join(f"{name} {share:.0%}" for name, share in why.items() if isinstance(share, float))]
    for name, without in (why.get("without") or {}).items():
        lines.append(f"without {name}: rank {without.get('rank')}")
    lines.extend(
        " ".join(_arrow(at, step) for at, step in enumerate(path)) for path in why.get("paths") or ()
    )
    return "\n".join(line for line in lines if line)


def _arrow(at: int, step: str) -> str:
    if at % 2 == 0:
        return step
    return f"<-{step[1:]}-" if step.startswith("^") else f"-{step}->"
