"""What stands around a change: refreshed nearest first, within a budget, and what the budget leaves is known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, insert, select, update

from chiasm.catalog.models import Entity, Job, Predicate, Triple, WorkUnit
from chiasm.ingest import fuse_entities
from chiasm.ingest.graph import WorkspaceGraph
from chiasm.ingest.refresh import nearest
from chiasm.origins import GIVEN
from chiasm.upkeep.checks.stale import look
from chiasm.upkeep.site import Site
from chiasm_graph import Triples

from .conftest import Home
from .test_fusing import activate, fused, release_of
from .test_units import manifest

HUB_DEGREE = 100_000


def texts(*lines: tuple[str, str, list[tuple[str, str]]]) -> list[dict[str, Any]]:
    """Records of a key, a title and edges."""
    return [
        {"key": key, "title": title, "relations": [{"predicate": p, "object": o} for p, o in edges]}
        for key, title, edges in lines
    ]


def refreshes(home: Home) -> list[dict[str, Any]]:
    with home.catalog.read() as session:
        done = select(WorkUnit.result).where(WorkUnit.kind == "refresh", WorkUnit.state == "done")
        return list(session.scalars(done.order_by(WorkUnit.id)))


def anew(home: Home) -> dict[str, np.ndarray]:
    """Fused vectors as they are computed from all that there is now."""
    with home.catalog.read() as session:
        keys = dict(session.execute(select(Entity.id, Entity.key)).all())
    ids, vectors = fuse_entities(home.tools, release_of(home), np.array(sorted(keys)))
    return {keys[int(one)]: vector for one, vector in zip(ids, vectors, strict=True)}


def test_two_steps_away_is_refreshed_in_a_job_of_its_own(home: Home, tmp_path: Path) -> None:
    space_id = activate(home, ["next"])
    chain = texts(*((f"n{n}", f"word{n}", [("next", f"n{n + 1}")]) for n in range(5)), ("n5", "end", []))
    home.ingest(manifest(tmp_path, *chain))
    before = fused(home, space_id)
    changed = tmp_path / "more"
    _, job_id = home.ingest(manifest(changed, *texts(("n0", "quite another", [("next", "n1")]))))
    after, right = fused(home, space_id), anew(home)
    for key in right:
        np.testing.assert_allclose(after[key], right[key], atol=2e-3)
    assert not np.allclose(after["n2"], before["n2"], atol=1e-3)
    assert np.allclose(after["n5"], before["n5"], atol=1e-3)
    assert refreshes(home)[-1] == {"refreshed": 2, "stale": 0}
    with home.catalog.read() as session:
        kinds = select(Job.kind).join(WorkUnit, WorkUnit.job_id == Job.id).where(WorkUnit.kind == "refresh")
        assert set(session.scalars(kinds)) == {"refresh"}
    assert "refreshed" not in home.result(job_id)
    [found] = look(Site(home))  # type: ignore[arg-type]
    assert found.level == "ok"


def star(home: Home, degree: int) -> int:
    """A hub with a text and so many leaves, written as rows; the id of the hub."""
    with home.catalog.write() as session:
        near = session.scalar(select(Predicate.id).where(Predicate.name == "next"))
        first = (session.scalar(select(func.max(Entity.id))) or 0) + 1
        hub = session.scalar(select(Entity.id).where(Entity.key == "hub"))
        assert hub is not None
        common = {"workspace_id": home.workspace_id, "attributes": {}, "is_stub": True, "revision": 1}
        common |= {"created_at": 0.0, "updated_at": 0.0}
        ids = range(first, first + degree)
        session.execute(insert(Entity), [{"id": one, "key": f"leaf:{one}", **common} for one in ids])
        edge = {"workspace_id": home.workspace_id, "predicate_id": near, "object_id": hub}
        edge |= {"object_ref": f"e:{hub}", "origin": "table", "confidence": 1.0}
        session.execute(insert(Triple), [{"subject_id": one, **edge} for one in ids])
        home.catalog.bump_revision(session, home.workspace_id)
    return hub


@pytest.mark.slow
def test_a_hub_is_refreshed_within_its_budget(home: Home, tmp_path: Path) -> None:
    space_id = activate(home, ["next"])
    home.ingest(manifest(tmp_path, *texts(("hub", "the middle", []), ("a", "one", [("next", "hub")]))))
    star(home, HUB_DEGREE)
    began = time.monotonic()
    home.ingest(manifest(tmp_path / "more", *texts(("hub", "another middle", []))))
    took = time.monotonic() - began
    budget = home.settings.refresh_neighbours
    assert refreshes(home)[-1] == {"refreshed": budget, "stale": HUB_DEGREE + 1 - budget}
    # The neighbours of one unit at once, and those of the budget after them: not a hundred thousand.
    assert budget < len(fused(home, space_id)) < 3 * budget and took < 120
    [found] = look(Site(home))  # type: ignore[arg-type]
    assert (found.level, found.count) == ("warning", HUB_DEGREE + 1 - budget) and "hub" in found.what
    # A repair goes on without a budget.
    with home.catalog.write() as session:
        keep = select(Triple.id).order_by(Triple.id).limit(3000)
        session.execute(update(Triple).where(Triple.id.not_in(keep)).values(origin="predicted"))
        home.catalog.bump_revision(session, home.workspace_id)
    assert found.mend is not None and "go on" in found.mend()
    home.work()
    assert refreshes(home)[-1]["stale"] == 0
    assert look(Site(home)).__next__().level == "ok"  # type: ignore[arg-type]


def test_the_graph_in_memory_follows(home: Home, tmp_path: Path) -> None:
    activate(home, ["next", "is"])
    home.ingest(manifest(tmp_path, *texts(("a", "one", [("next", "b")]), ("b", "two", [("next", "c")]))))
    read = (home.workspace_id, ["next", "is"], GIVEN)
    given = (home.catalog, None, *read)

    def same(left: WorkspaceGraph, right: WorkspaceGraph) -> None:
        assert left.ids.tolist() == right.ids.tolist()
        assert left.triple_ids.tolist() == right.triple_ids.tolist()
        for name in ("heads", "relations", "tails"):
            assert getattr(left.triples, name).tolist() == getattr(right.triples, name).tolist()
        for ours, theirs in zip(left.triples.adjacency, right.triples.adjacency, strict=True):
            assert ours.tolist() == theirs.tolist()

    known = WorkspaceGraph.load(*given)
    assert len(known.triples.adjacency.indptr) == len(known.ids) + 1
    more = texts(("d", "four", [("is", "a"), ("next", "e")]), ("c", "three", [("next", "a"), ("to", "a")]))
    home.ingest(manifest(tmp_path / "more", *more))
    followed = known.followed(home.catalog, *read)
    assert followed is not None and len(followed.triples) == len(known.triples) + 3
    same(followed, WorkspaceGraph.load(*given))
    # What goes is no reason to guess.
    home.ingest(manifest(tmp_path / "less", {"key": "a", "title": "one", "relations": []}))
    assert followed.followed(home.catalog, *read) is None
    whole = WorkspaceGraph.current(*given)
    same(whole, WorkspaceGraph.load(*given))
    # Nor is what was left out before, and is read now.
    with home.catalog.write() as session:
        session.execute(update(Triple).where(Triple.id == whole.triple_ids[0].item()).values(origin="rule"))
        home.catalog.bump_revision(session, home.workspace_id)
    less = WorkspaceGraph.current(*given)
    assert len(less.triples) == len(whole.triples) - 1
    with home.catalog.write() as session:
        session.execute(update(Triple).where(Triple.origin == "rule").values(origin="stated"))
        home.catalog.bump_revision(session, home.workspace_id)
    same(WorkspaceGraph.current(*given), whole)


def test_nearest_first_and_then_those_with_few_edges() -> None:
    # 0 - 1, 2; 1 - 3, 4, 5; 2 - 6; 6 - 7
    graph = Triples([0, 0, 1, 1, 1, 2, 6], [0] * 7, [1, 2, 3, 4, 5, 6, 7], num_nodes=9, num_relations=1)
    near, left = nearest(graph, np.array([0]), None, hops=2)
    assert near.tolist() == [2, 1, 3, 4, 5, 6] and left == 0
    near, left = nearest(graph, np.array([0]), 3, hops=2)
    assert near.tolist() == [2, 1, 3] and left == 3
    assert nearest(graph, np.array([8]), 5, hops=2)[0].tolist() == []
    assert nearest(graph, np.array([0, 2]), 0, hops=1)[1] == 2
