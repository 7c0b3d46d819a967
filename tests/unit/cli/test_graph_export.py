"""The graph as files that other tools read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import networkx as nx
import pytest

from chiasm.catalog.models import Entity, Predicate, Triple
from chiasm.cli import main
from chiasm.client.embedded import OpenHome, init_home
from chiasm.settings import load_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    settings = load_settings(tmp_path / "home")
    init_home(settings)
    opened = OpenHome(settings)
    workspace_id = opened.catalog.workspace_id("default")
    with opened.catalog.write() as session:
        a, b = (
            Entity(workspace_id=workspace_id, key=key, title=title, attributes={})
            for key, title in (("a\tb", "tab"), ("c", None))
        )
        near = Predicate(workspace_id=workspace_id, name="near")
        session.add_all([a, b, near])
        session.flush()
        common = {"workspace_id": workspace_id, "subject_id": a.id, "predicate_id": near.id}
        session.add(Triple(**common, object_id=b.id, object_ref=f"e:{b.id}", confidence=0.5))
        session.add(Triple(**common, literal="text", object_ref="l:x"))
    opened.close()
    return settings.home


@pytest.mark.parametrize("name", ["g.tsv", "g.graphml", "g.json"])
def test_export(home: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out" / name
    with pytest.raises(SystemExit) as caught:
        main(["--home", str(home), "graph", "export", str(file)])
    assert not caught.value.code and "1 edges" in capsys.readouterr().out
    if name.endswith("tsv"):
        with file.open(newline="") as stream:
            rows = list(csv.reader(stream, delimiter="\t"))
        assert rows == [
            ["head", "relation", "tail", "value", "confidence", "origin"],
            ["a\tb", "near", "c", "", "0.5", "stated"],
            ["a\tb", "near", "", "text", "1.0", "stated"],
        ]
    elif name.endswith("graphml"):
        graph = nx.read_graphml(file, force_multigraph=True)
        assert set(graph.nodes) == {"a\tb", "c"} and graph.number_of_edges() == 1
    else:
        graph = nx.node_link_graph(json.loads(file.read_text()), edges="edges")
        assert graph["a\tb"]["c"]["near"]["confidence"] == 0.5
    assert list(file.parent.iterdir()) == [file]
