"""A preview of two releases as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["preview_page"]

_STYLE = """body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}td,th{padding:.25rem .6rem;text-align:left;
border-bottom:1px solid #ddd;vertical-align:top}th{color:#666;font-weight:600}.up{color:#176b3a}.down{color:#a4262c}
.new{background:#e9f6ee}.gone{background:#fbecec}small{color:#777}section{display:grid;grid-template-columns:1fr 1fr;
gap:1.5rem}h3{margin-bottom:.2rem}"""


def preview_page(found: Mapping[str, Any]) -> str:
    """The page; everything that came from data is escaped."""
    ours, theirs = html.escape(found["a"]), html.escape(found["b"])
    churn = found["churn"]
    title = f"{ours} against {theirs}"
    figures = (
        f"<p>{found['n']} queries, {found['k']} hits each: {churn['mean']:.1%} of the hits are others, the best hit is "
        f"the same for {churn['same_best']:.1%}, nothing changes for {churn['unchanged']:.1%}.</p>"
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>",
        figures,
        f"<h2>Gained and lost</h2><section>{_moved('domain', found['domains'], ours, theirs)}",
        f"{_moved('modality', found['modalities'], ours, theirs)}</section>",
        f"<h2>The {len(found['changed'])} queries that change most</h2>",
        *(_changed(one, ours, theirs) for one in found["changed"]),
    ]
    return "".join(parts)


def _moved(what: str, rows: Iterable[Mapping[str, Any]], ours: str, theirs: str) -> str:
    lines = "".join(
        f"<tr><td>{html.escape(row['name']) or '-'}<td>{row['b']}<td>{row['a']}"
        f"<td class={'up' if row['change'] > 0 else 'down' if row['change'] < 0 else 'same'}>{row['change']:+d}"
        for row in rows
    )
    return f"<table><tr><th>{what}<th>{theirs}<th>{ours}<th>change{lines}</table>"


def _changed(one: Mapping[str, Any], ours: str, theirs: str) -> str:
    said = one["query"]
    shown = html.escape(str(said.get("text") or said.get("entity")))
    into = f" into {html.escape(said['into'])}" if said.get("into") else ""
    lists = _list(one["b"], theirs, "gone") + _list(one["a"], ours, "new")
    source = f"<small>{html.escape(one['source'])}, {one['churn']:.0%} others</small>"
    return f"<h3>{shown}{into}</h3>{source}<section>{lists}</section>"


def _list(hits: Iterable[Mapping[str, Any]], name: str, mark: str) -> str:
    lines = "".join(
        f"<tr class={mark if hit['other_rank'] is None else 'same'}><td>{hit['rank']}"
        f"<td>{html.escape(hit['title'] or hit['key'])}<br><small>{html.escape(hit['key'])}</small>"
        f"<td>{hit['score']:.3f}<td>{hit['other_rank'] or ''}"
        for hit in hits
    )
    return f"<table><tr><th>#<th>{name}<th>score<th>there{lines}</table>"
