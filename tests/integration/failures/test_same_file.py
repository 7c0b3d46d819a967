"""Two ingests of one file at once."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select
from tests.places import on

from chiasm import ingest
from chiasm.catalog.models import Asset, Embedding, Entity, Triple

from .conftest import MakeHome

RECORDS = 600


@on("local", "redis")
def test_each_record_takes_effect_once(make_home: MakeHome, tmp_path: Path) -> None:
    home = make_home(text_encoder="hash:text/64", idle_s=5.0)
    source = tmp_path / "same.jsonl"
    with source.open("w") as file:
        for number in range(RECORDS):
            relation = {"predicate": "next", "object": f"r:{(number + 1) % RECORDS}"}
            row = {"key": f"r:{number}", "text": f"record {number}", "relations": [relation]}
            file.write(json.dumps(row) + "\n")
    for _ in range(2):
        home.start("worker", "--queues", "ingest")

    def submit(_: int) -> int:
        return ingest.submit_ingest(home.settings, home.catalog, home.workspace_id, [source])

    with ThreadPoolExecutor(2) as pool:
        job_ids = list(pool.map(submit, range(2)))
    results = [home.wait(job_id) for job_id in job_ids]
    assert [(one.state, one.failures) for one in results] == [("done", 0)] * 2
    total = Counter[str]()
    for one in results:
        total.update(
            {name: one.result.get(name, 0) for name in ("created", "updated", "unchanged", "embedded")}
        )
    assert +total == {"created": RECORDS, "unchanged": RECORDS, "embedded": RECORDS}
    with home.catalog.read() as session:
        for table in (Entity, Asset, Embedding, Triple):
            assert session.scalar(select(func.count()).select_from(table)) == RECORDS
