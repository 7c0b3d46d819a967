"""An export ingested into an empty home is the same catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pyoxigraph
import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased
from tests.integration.ingest.conftest import Home

from chiasm.archive import ExportReport, export
from chiasm.catalog.models import Asset, Domain, Entity, Predicate, Triple
from chiasm.errors import ConflictError, DamagedError, UsageError


def content(home: Home) -> dict[str, Any]:
    """What users gave, by key; nothing that depends on ids, times or paths."""
    end = aliased(Entity)
    with home.catalog.read() as session:
        entities = {
            key: (stub, domain, title, attributes)
            for key, stub, domain, title, attributes in session.execute(
                select(Entity.key, Entity.is_stub, Domain.name, Entity.title, Entity.attributes)
                .outerjoin(Domain, Domain.id == Entity.domain_id)
                .where(Entity.deleted_at.is_(None))
            )
        }
        assets = sorted(
            (
                tuple(row)
                for row in session.execute(
                    select(
                        Entity.key,
                        Asset.modality,
                        Asset.position,
                        Asset.sha256,
                        Asset.value,
                        Asset.lang,
                        Asset.role,
                        Asset.media_type,
                        Asset.size_bytes,
                    ).join(Entity, Entity.id == Asset.entity_id)
                )
            ),
            key=repr,
        )
        triples = sorted(
            (
                tuple(row)
                for row in session.execute(
                    select(
                        Entity.key, Predicate.name, end.key, Triple.literal, Triple.confidence, Triple.origin
                    )
                    .join(Entity, Entity.id == Triple.subject_id)
                    .join(Predicate, Predicate.id == Triple.predicate_id)
                    .outerjoin(end, end.id == Triple.object_id)
                )
            ),
            key=repr,
        )
    return {"entities": entities, "assets": assets, "triples": triples}


def exported(home: Home, folder: Path, form: str) -> ExportReport:
    return export(home.settings, home.catalog, home.workspace_id, folder, form=form)


def again(make_home: Callable[..., Home], report: ExportReport, folder: Path) -> Home:
    """An empty home after ingesting an export."""
    home = make_home(folder)
    home.ingest(*(Path(report.folder) / name for name in report.files))
    return home


MORE = [
    {"key": "t:1", "title": "both", "text": ["first", "both", "last"]},
    {"key": "t:2", "title": "twice", "text": [{"value": "twice", "lang": "en"}]},
    {"key": "t:3", "text": [{"value": "eins", "lang": "de", "role": "note"}, "zwei"]},
    {"key": "t:4"},
    {"key": "t:5", "attributes": {"title": "an attribute", "x": 1, "ctl": "a\u0001b"}, "title": "T"},
    {
        "key": "t:6",
        "attributes": {"x": "text now"},
        "relations": [{"predicate": "p", "value": v} for v in (1, "1", True, [1])],
    },
    {
        "key": "plain key",
        "relations": [
            {"predicate": "is like", "object": "t:4"},
            {"predicate": "is like", "object": "kw:dog"},
        ],
    },
]
RDF = """\
<http://e.org/a> <http://www.w3.org/2000/01/rdf-schema#label> "Haus"@de .
<http://e.org/a> <http://www.w3.org/2000/01/rdf-schema#comment> "steht da" .
<http://e.org/a> <http://e.org/near> <http://e.org/b> .
<http://e.org/b> <http://e.org/height> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .
<http://e.org/b> <http://e.org/name> "le nom"@fr .
_:x <http://e.org/near> <http://e.org/b> .
_:x <http://e.org/height> "2.5"^^<http://www.w3.org/2001/XMLSchema#double> .
"""


@pytest.fixture
def varied(make_home: Callable[..., Home], filled: Home, toys: Path, tmp_path: Path) -> Home:
    home = make_home(tmp_path / "varied")
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(line) + "\n" for line in MORE))
    (tmp_path / "some.nt").write_text(RDF)
    counts, _ = home.ingest(
        toys,
        toys.parent / "more.jsonl",
        toys.parent / "edges.tsv",
        tmp_path / "more.jsonl",
        tmp_path / "some.nt",
    )
    assert not counts["failed"]
    return home


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_it_ingests_back_equal(
    varied: Home, make_home: Callable[..., Home], tmp_path: Path, form: str
) -> None:
    report = exported(varied, tmp_path / "out", form)
    assert report.files[0].startswith("entities.") and report.files[1:] == [
        "literals.nt",
        f"triples.{'tsv' if form == 'jsonl' else 'parquet'}",
    ]
    assert report.counts["media"] == 48 and report.counts["entities"] == 33
    home = again(make_home, report, tmp_path / "again")
    before, after = content(varied), content(home)
    assert after["entities"] == before["entities"]
    assert after["triples"] == before["triples"]
    assert [row[:2] + row[3:] for row in after["assets"]] == [row[:2] + row[3:] for row in before["assets"]]
    assert after["assets"] == before["assets"]
    twice = exported(home, tmp_path / "twice", form)
    assert twice.counts == report.counts


def graph_of(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(head, predicate, tail) for head, predicate, tail, *_ in found["triples"] if tail is not None}


@pytest.mark.parametrize("form", ["ntriples", "graphml"])
def test_graph_and_titles_come_back(
    varied: Home, make_home: Callable[..., Home], tmp_path: Path, form: str
) -> None:
    report = exported(varied, tmp_path / "out", form)
    home = again(make_home, report, tmp_path / "again")
    before, after = content(varied), content(home)
    assert graph_of(after) == graph_of(before)
    titles = {key: about[2] for key, about in before["entities"].items() if about[2]}
    assert {key: about[2] for key, about in after["entities"].items() if about[2]} == titles
    if form == "graphml":
        sure = {(h, p, t): c for h, p, t, _, c, _ in before["triples"] if t is not None}
        assert {(h, p, t): c for h, p, t, _, c, _ in after["triples"] if t is not None} == sure
        assert {key: about[1] for key, about in after["entities"].items() if not about[0]} == {
            key: about[1] for key, about in before["entities"].items() if not about[0]
        }
        assert after["entities"]["toy:red-circle"][3] == before["entities"]["toy:red-circle"][3]
        assert after["entities"]["t:5"][3] == {"attribute:title": "an attribute", "x": 1, "ctl": "a\ufffdb"}
    else:
        literals = {(h, p, json.dumps(v, sort_keys=True)) for h, p, t, v, *_ in after["triples"] if t is None}
        assert ("toy:red-circle", "colour", '"red"') in literals
        assert ('odd "key", ünïcode', "weight", "1.25") in literals
        assert ("http://e.org/b", "http://e.org/name", '{"lang": "fr", "value": "le nom"}') in literals
    texts = {row[4] for row in after["assets"]} & {"gut", "first", "eins", "steht da"}
    assert texts == {"gut", "first", "eins", "steht da"}


def test_other_tools_read_it(varied: Home, tmp_path: Path) -> None:
    exported(varied, tmp_path / "nt", "ntriples")
    with (tmp_path / "nt" / "graph.nt").open("rb") as file:
        assert len(list(pyoxigraph.parse(input=file, format=pyoxigraph.RdfFormat.N_TRIPLES))) > 100
    exported(varied, tmp_path / "ml", "graphml")
    graph = nx.read_graphml(tmp_path / "ml" / "graph.graphml")
    assert graph.nodes["t:6"]["x"] == "text now" and graph.nodes["t:5"]["x"] == 1
    assert graph.nodes['odd "key", ünïcode']["yes"] is True


def test_derived_statements_are_left_out(varied: Home, tmp_path: Path) -> None:
    with varied.catalog.write() as session:
        triple = session.scalars(select(Triple).where(Triple.object_id.is_not(None)).limit(1)).one()
        triple.origin = "predicted"
    assert exported(varied, tmp_path / "out", "jsonl").counts["left_out"] == 1


def test_nothing_half_done_stays(varied: Home, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="unknown format"):
        exported(varied, tmp_path / "out", "xlsx")
    with pytest.raises(UsageError, match="no such folder"):
        exported(varied, tmp_path / "no" / "out", "jsonl")
    blob = next(path for path in (varied.settings.home / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"x")
    with pytest.raises(DamagedError):
        exported(varied, tmp_path / "out", "jsonl")
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(ConflictError):
        exported(varied, tmp_path, "graphml")
