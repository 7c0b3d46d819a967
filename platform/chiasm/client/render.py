"""Hits as HTML for notebooks: pictures, players, scores, modalities."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

from chiasm.client.media import Medium, thumbnail

if TYPE_CHECKING:
    from chiasm.client.hits import Hit, Hits

__all__ = ["hits_to_html"]

#: Of evidence, as explanations name it.
_KINDS = ("text", "image", "audio", "graph")
#: A notebook is saved with its output: sounds beyond this only say that they are there.
_MAX_AUDIO_BYTES = 1_000_000
_CELL = "padding:4px 10px;text-align:left;vertical-align:middle"


def hits_to_html(hits: Hits, media: Callable[[str], list[Medium]] | None) -> str:
    """One self-contained table; everything that came from data is escaped."""
    head = "".join(
        f'<th style="{_CELL}">{name}</th>' for name in ("", "", "score", "key", "title", "domain", "present")
    )
    body = "".join(_row(hit, media(hit.key) if media else []) for hit in hits)
    notes = "".join(f"<div>{html.escape(warning)}</div>" for warning in hits.warnings)
    caption = f"{len(hits)} hits from {html.escape(hits.release)} in {hits.took_ms:.1f} ms"
    return (
        f'<div>{notes}<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table><div style="color:#777;font-size:small">{caption}</div></div>'
    )


def _row(hit: Hit, media: list[Medium]) -> str:
    bar = (
        f'<div style="width:60px;background:#ddd"><div style="width:{max(0.0, min(1.0, hit.score)):.0%};'
        f'height:4px;background:#3b7"></div></div>'
    )
    cells = (
        str(hit.rank),
        "".join(_medium(item) for item in media),
        f"{hit.score:.3f}{bar}",
        f"<code>{html.escape(hit.key)}</code>",
        html.escape(hit.title or ""),
        html.escape(hit.domain or ""),
        html.escape(", ".join(hit.present)) + _shares(hit),
    )
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"


def _medium(item: Medium) -> str:
    if item.modality == "image":
        return f'<img src="{thumbnail(item).data_uri}" style="max-height:64px">'
    if len(item.content) > _MAX_AUDIO_BYTES:
        return "<span>(long sound)</span>"
    return f'<audio controls preload="none" style="width:160px" src="{item.data_uri}"></audio>'


def _shares(hit: Hit) -> str:
    shares = {name: hit.why[name] for name in _KINDS if name in hit.why} if hit.why else {}
    if not shares:
        return ""
    listed = ", ".join(f"{name} {share:+.0%}" for name, share in shares.items())
    return f'<div style="color:#777;font-size:small">{listed}</div>'
