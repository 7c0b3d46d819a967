import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiasm_graph import ShapeError, TripleTable
from chiasm_graph.errors import DamagedStoreError
from chiasm_graph.store import Columns, Names, TableBuilder, load_table, save_table


def made() -> TripleTable:
    builder = TableBuilder()
    builder.edge("a", "p", "b")
    builder.edge("b", "q", "a", origin="rule", confidence=0.25)
    builder.edge("a", "p", "a")
    builder.literal("a", "height", 1.5)
    builder.literal("ü", "height", {"value": "hoch", "lang": "de"}, origin="predicted", confidence=0.1)
    return builder.finish()


def test_statements_come_back_by_name():
    assert [tuple(one) for one in made()] == [
        ("a", "p", "b", None, "table", 1.0),
        ("b", "q", "a", None, "rule", 0.25),
        ("a", "p", "a", None, "table", 1.0),
        ("a", "height", None, 1.5, "table", 1.0),
        ("ü", "height", None, {"lang": "de", "value": "hoch"}, "predicted", 0.1),
    ]


def test_of_what_is_said_twice_the_last_word_counts():
    builder = TableBuilder()
    for confidence in (1.0, 0.5):
        builder.edge("a", "p", "b", confidence=confidence)
        builder.edge("a", "p", "c")
        builder.literal("a", "p", "b", origin="rule", confidence=confidence)
    assert [(one.tail, one.value, one.confidence) for one in builder.finish().distinct()] == [
        ("b", None, 0.5),
        ("c", None, 1.0),
        (None, "b", 0.5),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda b: b.edge("", "p", "b"), "an empty name"),
        (lambda b: b.edge("a", "p", "b", confidence=1.5), "not a number from 0 to 1"),
        (lambda b: b.edge("a", "p", "b", confidence=float("nan")), "not a number from 0 to 1"),
        (lambda b: b.literal("a", "p", float("inf")), "JSON"),
        (lambda b: b.literal("a", "p", {1, 2}), "JSON"),
        (lambda b: [b.edge("a", "p", "b", origin=f"o{n}") for n in range(300)], "more than 256 origins"),
    ],
)
def test_what_is_no_statement_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong(TableBuilder())


def test_numbers_that_stand_for_nothing_are_refused():
    names = Names.of(["a", "b"])
    with pytest.raises(ShapeError, match="tails must lie in"):
        TripleTable(names, names, Columns.of([0], [1], [2]))
    with pytest.raises(ShapeError, match="origins"):
        TripleTable(names, names, Columns.of([0], [1], [1], [3]))
    with pytest.raises(ShapeError, match="differ in length"):
        Columns.of([0], [1, 2], [1])
    with pytest.raises(ShapeError, match="does not fit"):
        Columns.of([2**40], [1], [1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4), st.integers(0, 60))
def test_the_indexes_know_every_edge(seed, nodes, relations, edges):
    generator = np.random.default_rng(seed)
    ends = generator.integers(0, nodes, (2, edges))
    kinds = generator.integers(0, relations, edges)
    names = Names.of(map(str, range(nodes)))
    table = TripleTable(names, Names.of(map(str, range(relations))), Columns.of(ends[0], kinds, ends[1]))
    known = sorted(zip(kinds.tolist(), *ends.tolist(), strict=True))
    everyone = np.arange(nodes)
    for index, turned in ((table.by_head, False), (table.by_tail, True)):
        found = []
        for relation in range(relations):
            owner, others = index.many(relation, everyone)
            found += [(relation, *((o, n) if turned else (n, o))) for n, o in zip(owner.tolist(), others.tolist(), strict=True)]  # fmt: skip # noqa: E501
            for node in range(nodes):
                assert index.of(relation, node).tolist() == others[owner == node].tolist()
        assert sorted(found) == known
        assert sorted(index.edges.tolist()) == list(range(edges))
    pairs = np.stack(np.meshgrid(everyone, everyone), -1).reshape(-1, 2)
    for relation in range(relations):
        there = table.by_head.has(relation, pairs[:, 0], pairs[:, 1])
        assert there.tolist() == [(relation, h, t) in known for h, t in pairs.tolist()]


def test_a_kept_table_is_mapped_and_equal(tmp_path: Path):
    table = made()
    save_table(table, tmp_path / "graph", facts={"revision": 7})
    save_table(table, tmp_path / "graph", facts={"revision": 8}, arrays={"ids": np.arange(3)})
    again, facts, arrays = load_table(tmp_path / "graph")
    assert arrays["ids"].tolist() == [0, 1, 2]
    assert facts == {"revision": 8} and [path.name for path in tmp_path.iterdir()] == ["graph"]
    assert list(again) == list(table)
    assert isinstance(again.edges.heads, np.memmap) and isinstance(vars(again)["by_head"].others, np.memmap)
    assert again.triples.neighbourhood([0], 1).tolist() == table.triples.neighbourhood([0], 1).tolist()
    save_table(TableBuilder().finish(), tmp_path / "nothing")
    assert list(load_table(tmp_path / "nothing").table) == []


def test_each_damaged_file_is_named(tmp_path: Path):
    folder = tmp_path / "graph"
    save_table(made(), folder)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole[:-2] + bytes([whole[-2] ^ 4]) + whole[-1:]):
            path.write_bytes(damaged)
            with pytest.raises(DamagedStoreError, match=path.name):
                load_table(folder)
        path.unlink()
        with pytest.raises(DamagedStoreError, match=path.name):
            load_table(folder)
        path.write_bytes(whole)
    text = json.loads((folder / "table.json").read_text())
    assert text.keys() == {"sha256", "text"}
    load_table(folder)


def test_names_are_taken_and_joined():
    names = Names.of(["a", "größe", "", "犬"])
    assert list(names.take(np.array([3, 1, 1, 2]))) == ["犬", "größe", "größe", ""]
    assert list(names.then(Names.of(["b"]))) == ["a", "größe", "", "犬", "b"] and names[-1] == "犬"
    assert list(names.take(np.zeros(0, np.int64))) == [] and names[1:3] == ["größe", ""]
    with pytest.raises(ShapeError):
        Names(np.array([0, 5]), np.zeros(3, np.uint8))
