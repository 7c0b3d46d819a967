"""The page: what `chiasm evaluate --json` says, in sections with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from chiasm.client.evaluation_page.plots import curves, heat_table, plane, reliability_diagram

__all__ = ["evaluation_page"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#111}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.2rem .55rem;text-align:right;font-weight:400}
th{color:#555}table.heat td{min-width:3.6rem}svg{max-width:100%;height:auto}svg text{font-size:11px}
p.note{color:#555}
"""


def evaluation_page(report: Mapping[str, Any]) -> str:
    """One HTML page of a report of `chiasm evaluate`: no script, no network, nothing beside it.

    Args:
        report: As ``chiasm evaluate --json`` prints it; parts that older releases lack are left out.
    """
    name = str(report.get("release") or "release")
    sections = [
        ("Retrieval: hit@10 by query, target and domains", _retrieval(report.get("retrieval") or ())),
        ("Against baselines", _baselines(report.get("baselines") or {})),
        (
            "When something is missing: hit@10 by what entities are known by",
            _missing(report.get("missing") or {}),
        ),
        ("Labels", _table(report.get("labels") or ())),
        ("Links", _table([report["links"]] if report.get("links") else ())),
        ("Are scores chances?", _reliability(report.get("calibration") or {})),
        ("Training", _training(report.get("training") or {})),
        ("Map of entities", _map(report.get("map") or {})),
        ("Students", _table(report.get("students") or ())),
    ]
    body = "".join(f"<h2>{escape(title)}</h2>{text}" for title, text in sections if text)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evaluation of {escape(name)}</title><style>{_STYLE}</style>"
        f"<h1>Evaluation of {escape(name)}</h1>"
        f"<p class=note>Judged on what was held out of snapshot {escape(str(report.get('snapshot', '')))}.</p>"
        f"{body}</html>"
    )


def _retrieval(rows: Sequence[Mapping[str, Any]]) -> str:
    """One matrix a pair of domains: query by target."""
    parts = []
    for origin, into in sorted({(str(r.get("from")), str(r.get("into"))) for r in rows}):
        mine = [r for r in rows if (str(r.get("from")), str(r.get("into"))) == (origin, into)]
        values = {(str(r["query"]), str(r["target"])): r.get("hit@10") for r in mine}
        asked = max((int(r.get("n", 0)) for r in mine), default=0)
        table = heat_table(_first(k for k, _ in values), _first(k for _, k in values), values)
        parts.append(f"<h3>{escape(origin)} to {escape(into)} ({asked} queries at most)</h3>{table}")
    return "".join(parts)


def _first(names: Any) -> list[str]:
    """Names in the order they come, each once."""
    return list(dict.fromkeys(names))


def _baselines(found: Mapping[str, Any]) -> str:
    rows = []
    for kind, modalities in found.items():
        for modality, row in modalities.items():
            gain = (row.get("difference") or {}).get("hit@10") or {}
            rows.append(
                {
                    "baseline": kind,
                    "query": modality,
                    "space": row.get("space"),
                    "hit@10": row.get("hit@10"),
                    "ours more by": gain.get("mean"),
                    "from": gain.get("low"),
                    "to": gain.get("high"),
                }
            )
    return _table(rows)


def _missing(found: Mapping[str, Any]) -> str:
    values: dict[tuple[str, str], float | None] = {}
    for query, row in found.items():
        for pattern in row.get("patterns") or ():
            values[" + ".join(map(str, pattern["present"])), str(query)] = pattern.get("hit@10")
    if not values:
        return ""
    return heat_table(_first(k for k, _ in values), _first(k for _, k in values), values)


def _reliability(found: Mapping[str, Any]) -> str:
    bins = found.get("bins") or ()
    note = f"<p class=note>{found.get('pairs', 0)} pairs, expected calibration error {found.get('ece', 'unknown')}.</p>"
    return (reliability_diagram(bins) if bins else "") + note if found else ""


def _training(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    return curves(found.get("steps") or (), found.get("losses") or {}, "losses by step, logarithmic")


def _map(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    note = f"<p class=note>The plane shows {100 * float(found.get('energy', 0)):.0f} % of the variance.</p>"
    return plane(found["points"], found["domains"]) + note


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    names = _first(name for row in rows for name in row)
    head = "".join(f"<th>{escape(str(name))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_said(row.get(name)))}</td>" for name in names) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _said(value: Any) -> str:
    return "" if value is None else str(value)
