r"""Drift of a catalogue: whether what came since a release is of the sort that the release was trained on.

Two samples of the active release's fused vectors, which one model made: of the entities that were there when the last
release was asked for, and of those that came or changed since. Their distance is the energy distance as a share of the
distance between them (the coefficient of inhomogeneity, between 0: one distribution, and 1: two points):

$$ H = \frac{2\,E|x-y| - E|x-x'| - E|y-y'|}{2\,E|x-y|} $$

Means within a sample leave out pairs of a vector with itself, so chance makes `H` as often negative as positive; a
permutation test says how often mere chance would make as much of it.

References: Székely and Rizzo, *Energy statistics: a class of statistics based on distances*, 2013, section 3 (there
within-sample means include the zeros, which grow `H` for small samples).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from chiasm.catalog import Catalog
from chiasm.catalog.models import Embedding, Entity, ReleaseSpace, Workspace
from chiasm.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["MIN_SAMPLE", "Drift", "distance_of", "measure_drift"]

#: Fewer vectors say nothing of a distribution.
MIN_SAMPLE = 32
#: Of each side: 1,024 vectors are a matrix of a million distances.
_SAMPLE = 512
_PERMUTATIONS = 199
#: How often chance may look like drift.
_SURE = 0.01


@dataclass(frozen=True)
class Drift:
    """How far two samples are apart."""

    #: `H` of the module's text, between 0 and 1 but for chance.
    distance: float
    #: How often two halves of one distribution are as far apart.
    p_value: float
    #: Vectors that were there before, and that came since.
    before: int
    since: int

    @property
    def is_seen(self) -> bool:
        """Whether chance alone hardly ever shows as much."""
        return self.p_value <= _SURE

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON."""
        values = asdict(self)
        return {"value": round(values.pop("distance"), 6), **values}


def measure_drift(settings: Settings, catalog: Catalog, workspace_id: int, since: float) -> Drift | None:
    """How far what came after `since` is from what was there; None where too little is to be compared.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        since: Seconds since the epoch: when the last release was asked for.
    """
    with catalog.read() as session:
        space_id = _fused_space(session, workspace_id)
        if space_id is None:
            return None
        old, new = (_sample(session, workspace_id, space_id, since, after=after) for after in (False, True))
    if min(len(old), len(new)) < MIN_SAMPLE:
        return None
    import numpy as np

    from chiasm.spaces import SpaceReader

    vectors = SpaceReader(catalog, settings.spaces_dir, space_id).vectors(np.array(old + new))
    there: Any = ~np.isnan(vectors).any(axis=1)
    before, after = vectors[: len(old)][there[: len(old)]], vectors[len(old) :][there[len(old) :]]
    if min(len(before), len(after)) < MIN_SAMPLE:
        return None
    return distance_of(before, after)


def distance_of(before: Floats, since: Floats) -> Drift:
    """The drift between two samples of vectors, ``(n, dim)`` and ``(m, dim)``; the same for the same samples."""
    import numpy as np

    both = np.concatenate([before, since]).astype(np.float64)
    squares = (both * both).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * both @ both.T, 0))  # (n + m, n + m)
    np.fill_diagonal(apart, 0)
    n, m = len(before), len(since)
    chance = np.random.default_rng(0)
    sides = np.zeros((n + m, 1 + _PERMUTATIONS))  # (n + m, trials), 1 where it is of the first sample
    sides[:n, 0] = 1
    for trial in range(1, 1 + _PERMUTATIONS):
        sides[chance.permutation(n + m)[:n], trial] = 1
    sums = apart @ sides
    within_first = (sides * sums).sum(axis=0)
    across = ((1 - sides) * sums).sum(axis=0)
    within_second = apart.sum() - within_first - 2 * across
    between = 2 * across / (n * m)
    energy = between - within_first / (n * (n - 1)) - within_second / (m * (m - 1))
    share = np.divide(energy, between, out=np.zeros_like(energy), where=between > 0)
    as_far = int((share[1:] >= share[0]).sum())
    return Drift(float(share[0]), (1 + as_far) / (1 + _PERMUTATIONS), n, m)


def _fused_space(session: Session, workspace_id: int) -> int | None:
    fused = (
        select(ReleaseSpace.space_id)
        .join(Workspace, Workspace.active_release_id == ReleaseSpace.release_id)
        .where(Workspace.id == workspace_id, ReleaseSpace.kind == "fused")
    )
    return session.scalar(fused)


def _sample(session: Session, workspace_id: int, space_id: int, since: float, *, after: bool) -> list[int]:
    """Ids of entities that the space holds: the newest of those after `since`, or evenly of those before."""
    held = exists().where(Embedding.item_id == Entity.id, Embedding.space_id == space_id)
    side = Entity.updated_at > since if after else Entity.updated_at <= since
    chosen = (
        Entity.workspace_id == workspace_id,
        Entity.is_stub.is_(False),
        Entity.deleted_at.is_(None),
        side,
        held,
    )
    if after:
        newest = select(Entity.id).where(*chosen).order_by(Entity.updated_at.desc(), Entity.id.desc())
        return list(session.scalars(newest.limit(_SAMPLE)))
    total = session.scalar(select(func.count()).select_from(Entity).where(*chosen)) or 0
    step = max(1, total // _SAMPLE)
    spread = select(Entity.id).where(*chosen, Entity.id % step == 0)
    return list(session.scalars(spread.order_by(Entity.id).limit(_SAMPLE)))
