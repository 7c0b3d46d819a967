"""What a distillation is made of, by modality: lessons for students, and held-out queries to judge them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chiasm.catalog.models import Space
from chiasm.errors import ChiasmError, DamagedError, InputError, NotFoundError
from chiasm.jobs import WorkContext
from chiasm.training.distillation import Report
from chiasm.training.grid_teaching import Media, grid_teaching
from chiasm.training.holdout import visible
from chiasm.training.judge import open_benches
from chiasm.training.retention import Witness
from chiasm.training.snapshot import Snapshot
from chiasm.training.text_corpus import taught_texts
from chiasm.training.text_teaching import text_teaching
from chiasm.training.texts import text_values

if TYPE_CHECKING:
    from chiasm.training.evaluation import Bench
    from chiasm.training.queries import Query
    from chiasm_encoders import Encoder
    from chiasm_encoders.distil import Teaching

__all__ = ["taught", "witnesses"]

#: A picture that is larger is made smaller when it is decoded; students see fewer pixels.
_MAX_SIDE = 512
#: Pictures or sounds in memory at once, as queries that judge.
_MOST_QUERIES = 1000


def witnesses(
    ctx: WorkContext, modality: str, snapshot: Path, folder: Path, spaces: Mapping[str, Space]
) -> tuple[Witness, Witness]:
    """Queries that choose, and those that the report is about; of a small catalogue they may be the same.

    Args:
        ctx: Of the unit.
        modality: Of the queries.
        snapshot: Folder of the release's data.
        folder: The release's.
        spaces: Its spaces by modality.

    Raises:
        InputError: Nothing is held out whose entity could be found.
    """
    text = spaces["text"].encoder if "text" in spaces else None
    items = _items(ctx, modality, Snapshot.open(snapshot))

    def witness(bench: Bench) -> Witness:
        return Witness(bench, modality, lambda queries: items(bench, queries), most=_MOST_QUERIES)

    valid, test = (witness(bench) for bench in open_benches(snapshot, folder, text, ctx.settings.device))
    if not valid.queries and not test.queries:
        raise InputError(
            f"no {modality} is held out that could tell what a student keeps",
            where="distillation",
            remedy=f"ingest more entities with {modality}: about one in twelve of it is held out",
        )
    return (valid if valid.queries else test), (test if test.queries else valid)


def taught(
    ctx: WorkContext,
    asked: Mapping[str, Any],
    snapshot: Path,
    teacher: Encoder,
    witness: Witness,
    config: Any,
    scratch: Path,
    report: Report,
) -> Teaching[Any]:
    """What students of the modality asked for are taught; nothing of it is held out.

    Args:
        ctx: Of the unit.
        asked: Payload of the claim.
        snapshot: Folder of the release's data.
        teacher: The release's encoder.
        witness: Held-out queries.
        config: How students are trained.
        scratch: For what is kept while the job runs.
        report: Told stage and share.

    Raises:
        Stopped: The job is to stop.
        InputError: There is too little to teach with.
    """
    source = Snapshot.open(snapshot)
    if asked["modality"] == "text":
        held_out = witness.data.held_out_texts
        texts = taught_texts(source, held_out, _corpus(scratch, asked.get("corpus")))
        return text_teaching(teacher, texts, held_out, scratch, report, ctx.stop)
    hashes = _hashes(source, asked["modality"])
    data = witness.data
    mine = visible(data, ("valid", "test")).assets & (data.names == asked["modality"])
    media = Media(
        asked["modality"],
        [str(hashes[row]) for row in np.unique(data.row[mine])],
        lambda some: _decoded(ctx, asked["modality"], some),
    )
    return grid_teaching(teacher, media, config, scratch, seed=asked["seed"], report=report, stop=ctx.stop)


def _items(
    ctx: WorkContext, modality: str, snapshot: Snapshot
) -> Callable[[Bench, Sequence[Query]], list[Any]]:
    """What an encoder takes of queries; None for what is damaged."""
    if modality == "text":
        values = text_values(snapshot)
        return lambda bench, queries: [str(values[bench.data.row[query.asset]]) for query in queries]
    hashes = _hashes(snapshot, modality)
    return lambda bench, queries: _decoded(
        ctx, modality, [str(hashes[bench.data.row[query.asset]]) for query in queries]
    )


def _hashes(snapshot: Snapshot, modality: str) -> Any:
    """Content hashes by row of a modality's features, ``(rows,)``."""
    rows = snapshot.column("assets", "row").astype(np.int64)
    mine = (snapshot.column("assets", "modality") == modality) & (rows >= 0)
    found = np.full(int(rows[mine].max()) + 1 if mine.any() else 0, "", dtype=object)
    found[rows[mine]] = snapshot.column("assets", "sha256")[mine]
    return found


def _decoded(ctx: WorkContext, modality: str, hashes: Sequence[str]) -> list[Any]:
    """Pictures or sounds, each content decoded once; None where it is missing or damaged."""
    contents: dict[str, bytes] = {}
    for one in dict.fromkeys(hashes):
        try:
            contents[one] = ctx.blobs.get(one)
        except (NotFoundError, DamagedError):
            # `doctor` tells of it; a lesson less is no reason to have none.
            continue
    some = list(contents.values())
    answers: list[Any] = (
        list(ctx.decoder.decode_images(some, max_side=_MAX_SIDE))
        if modality == "image"
        else list(ctx.decoder.decode_audios(some))
    )
    found = dict(zip(contents, answers, strict=True))
    return [None if isinstance(item := found.get(one), ChiasmError) else item for one in hashes]


def _corpus(scratch: Path, name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        return (scratch / name).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(
            "the corpus is not there any more", where=name, remedy="ask for the distillation again"
        ) from error
