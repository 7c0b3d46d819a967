"""Derived statements on each database: the difference written, and who is fused anew for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sqlalchemy import select
from tests.places import CATALOGS, on

from chiasm.catalog.models import Entity, Job, Predicate, Triple, WorkUnit
from chiasm.fusion.manifest import read_manifest, write_manifest
from chiasm.reasoning.replacing import Wanted, nothing_wanted, replace_derived

from .conftest import Home
from .test_fusing import activate, fused
from .test_units import manifest


def wanted(home: Home, *triples: tuple[str, str, str, float]) -> Wanted:
    with home.catalog.read() as session:
        ids = {key: one for one, key in session.execute(select(Entity.id, Entity.key))}
        predicates = {name: one for one, name in session.execute(select(Predicate.id, Predicate.name))}
    rows = [(ids[s], predicates[p], ids[o], sure) for s, p, o, sure in triples]
    return Wanted(*(np.array(column) for column in zip(*rows, strict=True)))


def derived(home: Home) -> set[tuple[str, float]]:
    with home.catalog.read() as session:
        rows = select(Entity.key, Triple.confidence).join(Entity, Entity.id == Triple.subject_id)
        return {(key, sure) for key, sure in session.execute(rows.where(Triple.origin == "rule"))}


@on(*CATALOGS)
def test_the_difference_is_written_and_fused_where_it_is_read(home: Home, tmp_path: Path) -> None:
    space_id = activate(home, ["next"])
    chain = [
        {"key": f"n{n}", "title": f"word {n}", "relations": [{"predicate": "next", "object": f"n{n + 1}"}]}
        for n in range(5)
    ]
    home.ingest(manifest(tmp_path, *chain, {"key": "gone", "title": "x"}))
    given = (home.settings, home.catalog, home.workspace_id)
    first = wanted(home, ("n0", "next", "n3", 0.9), ("n1", "next", "n4", 0.8), ("n0", "next", "n1", 0.7))
    before = fused(home, space_id)
    # What is stated already stays stated; the release does not read what is derived.
    done = replace_derived(*given, first, None, dry_run=False)
    assert done == {"added": 2, "removed": 0, "changed": 0, "unchanged": 0, "job": None}
    assert derived(home) == {("n0", 0.9), ("n1", 0.8)} and not home.work()
    root = home.settings.models_dir / "r1"
    about = {name: value for name, value in read_manifest(root).items() if name != "sha256"}
    write_manifest(root, {**about, "recipe": {"graph": {"origins": ["stated", "table", "rule"]}}})
    second = wanted(home, ("n0", "next", "n3", 0.5), ("n2", "next", "n5", 0.8))
    done = replace_derived(*given, second, "next", dry_run=False)
    assert (done["added"], done["removed"], done["changed"], done["unchanged"]) == (1, 1, 1, 0)
    assert derived(home) == {("n0", 0.5), ("n2", 0.8)}
    with home.catalog.read() as session:
        assert session.get_one(Job, done["job"]).kind == "derive"
        payloads = session.scalars(select(WorkUnit.payload).where(WorkUnit.job_id == done["job"])).all()
        keys = dict(session.execute(select(Entity.id, Entity.key)).all())
    # Ends of what came and went, not of what is less sure now.
    assert {keys[one] for payload in payloads for one in payload["entity_ids"]} == {"n1", "n2", "n4", "n5"}
    home.work()
    assert set(fused(home, space_id)) == set(before)
    gone = replace_derived(*given, nothing_wanted(), None, dry_run=False)
    assert gone["removed"] == 2 and not derived(home) and gone["job"] is not None
