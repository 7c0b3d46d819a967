"""A release's model card: what it is, made of facts that are kept anyway."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.fusion.manifest import read_manifest
from chiasm.releases.store import find_release, show_release
from chiasm.settings import Settings

__all__ = ["release_card"]


def release_card(settings: Settings, catalog: Catalog, workspace_id: int, name: str | None = None) -> str:
    """Markdown: where it comes from, what it is made of, how good it is, and what is known against it.

    Raises:
        NotFoundError: There is no such release.
    """
    info = show_release(catalog, workspace_id, name).to_dict()
    with catalog.read() as session:
        folder = settings.models_dir / find_release(session, workspace_id, info["release"]).folder
    try:
        about: Mapping[str, Any] = read_manifest(folder)
    except ChiasmError as error:
        about = {"problem": str(error)}
    parts = [
        f"# Release {info['release']}",
        _facts(info, about),
        _encoders(about.get("encoders", {}), info["spaces"]),
        _retrieval(info["metrics"]),
        _baselines(info["metrics"].get("baselines", {})),
        _limits(info, about),
        _history(info["history"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(info: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    trained = about.get("snapshot", {})
    recipe = info["recipe"]
    changed = ", ".join(f"`{key}={value}`" for key, value in recipe.get("overrides", {}).items())
    rows = [
        ("state", info["state"]),
        ("made", _day(info["created_at"])),
        ("recipe", f"{recipe.get('name', '-')}{f' with {changed}' if changed else ''}"),
        ("seed", info["seed"]),
        ("trained on", f"workspace {trained.get('workspace', '-')}, revision {trained.get('revision', '-')}"),
        ("started from", info["parent"] or "nothing"),
        ("weights", f"`{str(about.get('fusion', {}).get('fingerprint', '-'))[:16]}`"),
    ]
    return _table(("", ""), rows)


def _encoders(encoders: Mapping[str, Any], spaces: Mapping[str, Any]) -> str:
    rows = []
    for kind, space in sorted(spaces.items()):
        spec = encoders.get(kind, {}).get("spec") or (
            "the fusion model" if kind == "fused" else "the default one"
        )
        rows.append((kind, f"`{spec}`", space["dim"], f"`{space['stamp']}`", space["rows"]))
    return (
        "## Encoders and spaces\n\n" + _table(("kind", "made by", "dim", "stamp", "vectors"), rows)
        if rows
        else ""
    )


def _retrieval(metrics: Mapping[str, Any]) -> str:
    rows = []
    for row in metrics.get("retrieval", []):
        low, high = row.get("ci95", {}).get("hit@10", ("-", "-"))
        rows.append(
            (
                f"{row['query']} -> {row['target']}",
                f"{row.get('from') or '-'} -> {row.get('into') or '-'}",
                row.get("n"),
                row.get("hit@10"),
                f"{low} to {high}",
                row.get("mrr"),
            )
        )
    if not rows:
        return ""
    head = ("query -> target", "domains", "n", "hit@10", "95 %", "mrr")
    return "## On held-out queries\n\n" + _table(head, rows)


def _baselines(baselines: Mapping[str, Any]) -> str:
    rows = []
    for name, by_modality in baselines.items():
        for modality, row in by_modality.items() if isinstance(by_modality, Mapping) else ():
            gain = row.get("difference", {}).get("hit@10", {})
            said = f"{gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]" if gain else "-"
            rows.append((name.replace("_", " "), modality, row.get("hit@10", "-"), said))
    head = ("baseline", "query", "hit@10", "the release's gain")
    return "## Beside simpler ways\n\n" + _table(head, rows) if rows else ""


def _limits(info: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    found = []
    if "problem" in about:
        found.append(f"Its files are not whole: {about['problem']}")
    calibration = info["metrics"].get("calibration", {})
    if "ece" in calibration:
        found.append(
            f"Scores are chances with an expected calibration error of {calibration['ece']} "
            f"over {calibration.get('pairs', '-')} judged pairs."
        )
    few = [row for row in info["metrics"].get("retrieval", []) if (row.get("n") or 0) < 30]
    if few:
        found.append(f"{len(few)} lines above rest on fewer than 30 queries each.")
    gate = info["gate"]
    if gate:
        verdict = "passed" if gate.get("passed") else "did not pass"
        found.append(f"At the gate it {verdict}: {'; '.join(gate.get('reasons', []))}.")
    return "## What to know\n\n" + "\n".join(f"- {one}" for one in found) if found else ""


def _history(history: Any) -> str:
    rows = [(_day(one["at"]), one["event"], one["reason"]) for one in history or ()]
    return "## History\n\n" + _table(("when", "what", "why"), rows) if rows else ""


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return str("-" if value is None else value).replace("|", "\\|").replace("\n", " ")
