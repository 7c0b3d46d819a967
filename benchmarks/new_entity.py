"""Milliseconds from the commit of a new entity's edges until its fused vector is there; and a hub that changes.

    python -m benchmarks.new_entity [--edges 1000000] [--hub 1000000] [--rounds 20] [--json FILE]

A small catalogue is trained briefly (what is timed does not depend on how well); then a graph of so many random edges
and a star of so many more are written into its catalog as rows. Each round writes an entity with four edges, one of
them to the middle of the star, in one transaction, and fuses it as a worker does: `new_entity_token_ms` counts from the
commit on, in a process that holds the graph; `new_entity_cold_s` is the first one, which reads the whole graph.
`new_entity_queue_ms` is the same through the queue: from the end of the unit that read the record to the end of the one
that fused it, its text embedded in between. Then the middle of the star changes: `hub_refreshed` and `hub_stale` are
what the budget took and left, `hub_s` how long that took with everything else that waited.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

import chiasm
from benchmarks.rows import Row, print_rows, write_rows
from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Predicate, Triple, WorkUnit
from chiasm.ingest import active_release, fuse_entities
from chiasm.jobs import Tools
from chiasm.settings import Settings, load_settings

__all__ = ["main"]

_BRIEF = {
    "encoders.text_tuning": "{steps: 2}",
    "encoders.image.student": "{max_steps: 2}",
    "encoders.audio.student": "{max_steps: 2}",
    "training.epochs": "1",
}
_RECORDS, _DEGREE, _CHUNK = 300, 5, 50_000
_WORDS = ("bell", "lamp", "sword", "bowl", "ring", "drum", "coin", "vase", "mask", "harp")


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--hub", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chiasm-new-entity-") as made:
        settings = load_settings(Path(made) / "home")
        rows = list(_figures(settings, given.edges, given.hub, given.rounds))
    print_rows(rows)
    write_rows(rows, given.json)


def _figures(settings: Settings, edges: int, hub: int, rounds: int) -> Iterator[Row]:
    with chiasm.open(settings.home) as kb:
        kb.ingest(_records()).wait()
        kb.train(overrides=_BRIEF, promote="force").wait()
        catalog = Catalog.open(settings)
        nodes = _write_graph(catalog, edges, hub)
        tools = Tools(settings, catalog)
        times = [_token_s(tools, nodes, number) for number in range(rounds + 1)]
        yield Row("new_entity_cold_s", times[0][0], "s", baseline=f"{edges + hub:,} edges")
        warm, used = ([one[at] * 1000.0 for one in times[1:]] for at in (0, 1))
        yield Row(
            "new_entity_token_ms",
            statistics.median(warm),
            "ms",
            target="<= 200",
            spread=(min(warm), max(warm)),
            n=len(warm),
        )
        yield Row("new_entity_processor_ms", statistics.median(used), "ms", n=len(used))
        queued = [_queue_ms(kb, catalog, number) for number in range(rounds // 4 + 1)]
        yield Row(
            "new_entity_queue_ms",
            statistics.median(queued[1:]),
            "ms",
            spread=(min(queued[1:]), max(queued[1:])),
            n=len(queued) - 1,
        )
        yield from _hub(kb, catalog, hub)
        catalog.close()


def _records() -> list[dict[str, Any]]:
    generator = np.random.default_rng(0)
    return [
        {
            "key": f"r:{number}",
            "domain": "things",
            "title": " ".join(generator.choice(_WORDS, 3)),
            "relations": [
                {"predicate": "linked", "object": f"r:{other}"}
                for other in generator.integers(0, _RECORDS, 3).tolist()
                if other != number
            ],
        }
        for number in range(_RECORDS)
    ]


def _write_graph(catalog: Catalog, edges: int, hub: int) -> np.ndarray:
    """Stubs with random edges, and as many leaves as `hub` says around record 0; ids of the stubs."""
    workspace_id = catalog.workspace_id("default")
    generator, nodes = np.random.default_rng(1), max(edges // _DEGREE, 10)
    with catalog.read() as session:
        first = (session.scalar(select(func.max(Entity.id))) or 0) + 1
        predicate = session.scalar(select(Predicate.id).where(Predicate.name == "linked"))
        middle = session.scalar(select(Entity.id).where(Entity.key == "r:0"))
    stubs, leaves = np.arange(first, first + nodes), np.arange(first + nodes, first + nodes + hub)
    entity = {"workspace_id": workspace_id, "attributes": {}, "is_stub": True, "revision": 1}
    entity |= {"created_at": 0.0, "updated_at": 0.0}
    for some in _chunks(np.concatenate([stubs, leaves])):
        with catalog.write() as session:
            rows = [{"id": one, "key": f"s:{one}", **entity} for one in some.tolist()]
            session.connection().execute(insert(Entity.__table__), rows)
    pairs = np.unique(generator.choice(stubs, (edges, 2)), axis=0)
    pairs = np.concatenate([pairs, np.stack([leaves, np.full(hub, middle)], axis=1)])
    edge = {"workspace_id": workspace_id, "predicate_id": predicate, "origin": "table", "confidence": 1.0}
    for some in _chunks(pairs):
        with catalog.write() as session:
            rows = [
                {"subject_id": s, "object_id": o, "object_ref": f"e:{o}", **edge} for s, o in some.tolist()
            ]
            session.connection().execute(insert(Triple.__table__), rows)
    with catalog.write() as session:
        catalog.bump_revision(session, workspace_id)
    return stubs


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _token_s(tools: Tools, nodes: np.ndarray, number: int) -> tuple[float, float]:
    """Seconds, by the clock and of the processor, from the commit of a new entity with four edges to its fused vector."""
    catalog = tools.catalog
    workspace_id = catalog.workspace_id("default")
    with catalog.change(workspace_id) as session:
        predicate = session.scalar(select(Predicate.id).where(Predicate.name == "linked"))
        near = session.scalars(select(Entity.id).where(Entity.key.in_(["r:0", "r:1"]))).all()
        new = Entity(workspace_id=workspace_id, key=f"new:{number}", title="new", attributes={})
        session.add(new)
        session.flush()
        entity_id = new.id
        for other in (*near, *np.random.default_rng(number).choice(nodes, 2).tolist()):
            row = {"subject_id": entity_id, "predicate_id": predicate, "object_id": other}
            session.add(Triple(workspace_id=workspace_id, object_ref=f"e:{other}", **row))
        catalog.bump_revision(session, workspace_id)
    began, used = time.perf_counter(), time.process_time()
    with catalog.read() as session:
        release = active_release(session, workspace_id)
    assert release is not None
    ids, _ = fuse_entities(tools, release, np.array([entity_id]))
    took = time.perf_counter() - began, time.process_time() - used
    if ids.tolist() != [entity_id]:
        raise SystemExit("the new entity has no token")
    return took


def _queue_ms(kb: Any, catalog: Catalog, number: int) -> float:
    """Milliseconds from the end of the unit that read a record to the end of the one that fused it."""
    record = {
        "key": f"queued:{number}",
        "domain": "things",
        "title": f"queued {number}",
        "relations": [{"predicate": "linked", "object": other} for other in ("r:1", "r:2", "r:3")],
    }
    job = kb.ingest([record])
    job.wait()
    with catalog.read() as session:
        ends = dict(
            session.execute(
                select(WorkUnit.kind, func.max(WorkUnit.finished_at))
                .where(WorkUnit.job_id == job.id)
                .group_by(WorkUnit.kind)
            ).all()
        )
    return (ends["fuse"] - ends["read"]) * 1000.0


def _hub(kb: Any, catalog: Catalog, hub: int) -> Iterator[Row]:
    began = time.perf_counter()
    kb.ingest([{"key": "r:0", "domain": "things", "title": "quite another thing"}]).wait()
    while True:
        with catalog.read() as session:
            rows = session.execute(
                select(WorkUnit.state, WorkUnit.result, WorkUnit.payload).where(WorkUnit.kind == "refresh")
            ).all()
            open_ = session.scalar(
                select(func.count()).select_from(WorkUnit).where(WorkUnit.state.in_(("ready", "leased")))
            )
        if not open_:
            break
        time.sleep(0.2)
    yield Row("hub_s", time.perf_counter() - began, "s", baseline=f"a degree of {hub:,}")
    last = max((row.result for row in rows), key=lambda one: one.get("stale", 0))
    yield Row("hub_refreshed", last["refreshed"], "entities")
    yield Row("hub_stale", last["stale"], "entities")


if __name__ == "__main__":
    main()
