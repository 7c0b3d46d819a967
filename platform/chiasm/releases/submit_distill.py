"""Ask for a distillation: what can be wrong is told now, then rows, then a wake-up."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import ReleaseSpace
from chiasm.errors import InputError, NotFoundError, RecipeError, UsageError, translated
from chiasm.releases.store import find_release
from chiasm.settings import Settings

__all__ = ["DISTILLATION", "submit_distill"]

#: Below a release's folder, and there below the modality: corpus, snapshot, lessons, and students under way; gone when
#: the job has found one.
DISTILLATION = "distillation"
_LANE = "train"
#: Options that are no numbers of losses or strengths.
_POSITIVE = ("batch", "epochs", "lessons", "max_steps", "temperature")
_MOST_LINES, _MOST_CHARACTERS = 1_000_000, 10_000


def submit_distill(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    *,
    max_mb: float,
    max_ms: float,
    modality: str = "text",
    min_retention: float = 0.95,
    release: str | None = None,
    kinds: Sequence[str] = (),
    corpus: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    idempotency_key: str | None = None,
) -> int:
    """Id of the job that distills the smallest student within a budget and lets it ask for the release.

    Args:
        max_mb: Of all files of the student.
        max_ms: For one query on one core of the worker's machine.
        modality: Of the student.
        min_retention: Share of its teacher's hit@10 that it keeps on held-out queries.
        release: Whose encoder teaches; default the active one.
        kinds: Of nets that are tried, or names of single ones, as in `static-128`; none tries all of the modality.
        corpus: Further lines to teach a text student with.
        overrides: Options of the training and their values.
        seed: Same seed and data, same student.
        idempotency_key: Asking twice with the same key makes one job.

    Raises:
        UsageError: A limit is no positive number, or a name is not known.
        RecipeError: An option is not known, or of another type.
        NotFoundError: No such release, or it has no such encoder.
        MissingDependencyError: What students are stored with is not installed here.
    """
    # Torch comes with them.
    from chiasm.training.budget import Budget
    from chiasm_encoders.distil import LADDERS
    from chiasm_encoders.distil.onnx_export import require_onnx

    budget = Budget(max_mb, max_ms, min_retention)
    ladder = LADDERS.get(modality)
    if ladder is None:
        raise UsageError(
            f"no student of modality {modality[:40]!r} is distilled",
            where="modality",
            remedy=f"use one of {', '.join(LADDERS)}",
        )
    known_kinds = [*ladder.kinds, *(shape.name for shape in ladder.shapes)]
    wrong = [kind for kind in kinds if kind not in known_kinds]
    if wrong:
        raise UsageError(
            f"unknown kind {wrong[0][:40]!r} of {modality} student",
            where="kinds",
            remedy=f"use some of {', '.join(known_kinds)}",
        )
    if corpus and modality != "text":
        raise UsageError(
            f"a corpus teaches no {modality} student",
            where="corpus",
            remedy=f"leave it out; ingest more {modality}",
        )
    with translated():
        require_onnx()
    payload = {
        **dataclasses.asdict(budget),
        "modality": modality,
        "kinds": list(kinds),
        "options": _options(overrides or {}, ladder.config),
        "seed": seed,
    }
    lines = _checked(corpus or ())
    with catalog.write() as session:
        known = jobs.find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        row = find_release(session, workspace_id, release)
        if session.get(ReleaseSpace, (row.id, modality)) is None:
            raise NotFoundError(
                f"the release has no {modality} encoder to distill",
                where=row.name,
                remedy=f"ingest {modality} and run `chiasm train`",
            )
        if lines:
            payload["corpus"] = _kept(settings, f"{row.folder}/{DISTILLATION}/{modality}", lines)
        job = jobs.create_job(
            session,
            workspace_id,
            "distill",
            {"release": row.name, **payload},
            idempotency_key=idempotency_key,
        )
        jobs.add_units(session, job, "distill", [{"release_id": row.id, **payload}], queue=_LANE)
        job_id = job.id
    jobs.wake(settings, _LANE)
    return job_id


def _options(given: Mapping[str, str], tuned: Any) -> dict[str, Any]:
    known = {field.name: getattr(tuned, field.name) for field in dataclasses.fields(tuned)}
    # The worker's own setting says where it computes.
    del known["device"]
    found: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            raise RecipeError(
                f"unknown key {name[:80]}",
                where="distillation",
                remedy=f"known keys are {', '.join(sorted(known))}",
            )
        value = yaml.safe_load(str(text))
        whole = isinstance(known[name], int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
            raise RecipeError(
                f"{name} is {str(text)[:40]!r}",
                where="distillation",
                remedy=f"use a {'whole ' if whole else ''}number, 0 or more",
            )
        found[name] = value if whole else float(value)
    if not all(found.get(name, 1) for name in _POSITIVE):
        raise RecipeError(
            f"{', '.join(_POSITIVE)} are positive", where="distillation", remedy="use 1 or more"
        )
    return found


def _checked(corpus: Sequence[str]) -> list[str]:
    lines = [str(line).replace("\0", " ").strip() for line in corpus]
    lines = [line for line in lines if line]
    if len(lines) > _MOST_LINES or any(len(line) > _MOST_CHARACTERS for line in lines):
        raise InputError(
            f"a corpus of {len(lines):,} lines, the longest of {max(map(len, lines)):,} characters",
            where="corpus",
            remedy=f"use at most {_MOST_LINES:,} lines of at most {_MOST_CHARACTERS:,} characters",
        )
    return lines


def _kept(settings: Settings, folder: str, lines: Sequence[str]) -> str:
    """Name of the file that keeps the lines for the worker, by their content."""
    from chiasm_encoders.durable import write_whole

    content = "\n".join(" ".join(line.splitlines()) for line in lines).encode(errors="replace")
    name = f"corpus-{hashlib.sha256(content).hexdigest()[:16]}.txt"
    write_whole(settings.models_dir / folder / name, content)
    return name
