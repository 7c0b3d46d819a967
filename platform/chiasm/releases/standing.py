"""How a release stands at the gate: its report, its answers to frozen queries, latency, size and coverage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from sqlalchemy import func, select

from chiasm.catalog.models import Asset, Entity, Release, ReleaseSpace, Segment
from chiasm.fusion.manifest import read_manifest, read_origins
from chiasm.jobs import WorkContext
from chiasm.releases.catching_up import spaces_of
from chiasm.releases.following import missing_entities
from chiasm.releases.gate import Standing
from chiasm.releases.judging import judged_alone
from chiasm.releases.snapshot import take_snapshot
from chiasm.training import Judged, judge_again

__all__ = ["standings"]

#: Searches that warm both sides before any is timed.
_WARM = 5


def standings(
    ctx: WorkContext, candidate: Release, active: Release, *, bare: set[int], queries: int
) -> tuple[Standing, Standing]:
    """Both releases at this moment.

    Args:
        ctx: Of the unit.
        candidate: Built and caught up.
        active: The one that answers.
        bare: Entities that have nothing to be fused from for the candidate.
        queries: Searches to time.
    """
    folders = [ctx.settings.models_dir / release.folder for release in (candidate, active)]
    theirs = Judged.read(folders[1])
    ours = Judged.read(folders[0])
    if theirs is not None and (ours is None or ours.of != theirs.digest):
        # It was trained beside another one.
        ctx.beat(0, 1, "judging on the queries of the active release")
        spaces = {kind: space for kind, space in spaces_of(ctx, candidate.id).items() if kind != "fused"}
        encoder = spaces["text"].encoder if "text" in spaces else None
        with judged_alone(ctx, candidate.id):
            snapshot = take_snapshot(
                ctx, candidate, spaces, folders[0] / "evaluation", origins=read_origins(folders[0])
            )
            ours = judge_again(snapshot, folders[0], theirs, encoder, ctx.settings.device)
    ctx.beat(0, 1, "timing both releases")
    times = _medians(ctx, (candidate, active), queries)
    made = [
        Standing(release.metrics, judged, p50_ms, _size(ctx, release), _coverage(ctx, release, bare))
        for release, judged, p50_ms in zip((candidate, active), (ours, theirs), times, strict=True)
    ]
    return made[0], made[1]


def _medians(ctx: WorkContext, releases: Sequence[Release], count: int) -> list[float | None]:
    """Median time of the same searches by each, one after the other so that both see the same machine."""
    from chiasm.search import Part, Query, Searcher

    workspace_id = releases[0].workspace_id
    words = (
        select(Asset.value)
        .join(Entity, Entity.id == Asset.entity_id)
        .where(Asset.workspace_id == workspace_id, Asset.modality == "text", Entity.deleted_at.is_(None))
        .order_by(Asset.sha256)
        .limit(max(count, 1))
    )
    with ctx.catalog.read() as session:
        texts = [text for text in session.scalars(words) if text and text.strip()]
    if not texts:
        return [None] * len(releases)
    searcher = Searcher(ctx.settings, ctx.catalog, ctx.models)
    taken: list[list[float]] = [[] for _ in releases]
    for number in range(_WARM + count):
        query = Query((Part("text", texts[number % len(texts)]),))
        for release, times in zip(releases, taken, strict=True):
            began = time.perf_counter()
            searcher.search(workspace_id, query, release_id=release.id)
            if number >= _WARM:
                times.append(1000.0 * (time.perf_counter() - began))
        ctx.beat(number, _WARM + count, "timing both releases")
    return [round(median(times), 3) for times in taken]


def _size(ctx: WorkContext, release: Release) -> int:
    """Bytes of the files that the release's manifest names, and of its spaces' live segments."""
    folder = ctx.settings.models_dir / release.folder
    files = sum((folder / name).stat().st_size for name in read_manifest(folder)["files"])
    with ctx.catalog.read() as session:
        mine = select(ReleaseSpace.space_id).where(ReleaseSpace.release_id == release.id)
        sizes = select(func.sum(Segment.size_bytes)).where(
            Segment.space_id.in_(mine), Segment.state == "live"
        )
        return files + int(session.scalar(sizes) or 0)


def _coverage(ctx: WorkContext, release: Release, bare: set[int]) -> float:
    """Share of the live entities, but those with nothing to be fused from, that the release has a vector of."""
    alive = Entity.workspace_id == release.workspace_id, Entity.deleted_at.is_(None)
    with ctx.catalog.read() as session:
        total = session.scalar(select(func.count()).select_from(Entity).where(*alive)) or 0
        lacking = len(missing_entities(session, release))
    return min(1.0, (total - lacking) / max(1, total - len(bare)))
