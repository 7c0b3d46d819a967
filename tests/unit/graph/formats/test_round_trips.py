"""What is written is read back, in every format, whatever the names and values are."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chiasm_graph import TripleTable, from_networkx, to_networkx
from chiasm_graph.errors import GraphFileError
from chiasm_graph.formats import graph_suffixes, read_graph, write_graph
from chiasm_graph.store import TableBuilder
from chiasm_graph.store.values import text_of

ANY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
#: Of XML: no control characters, no non-characters.
PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=8)
IRIS = st.sampled_from(
    [
        "http://x.org/a",
        "http://x.org/ü#b",
        "urn:chiasm:a%20b",
        "http://x.org/a/../b",
        "http://x.org/.",
        "mailto:a@b",
        "_:b0",
        "_:0",
        "_:",
        "a:b c",
        "http://[::1]/",
        "http://x.org/%zz",
    ]
)
TAGS = st.text(string.ascii_letters, min_size=1, max_size=6)


def values(text):
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        text,
        st.just(""),
        st.builds(
            lambda v, lang: {"value": v, "lang": lang}, text, st.sampled_from(["de", "en-gb", "?", "DE"])
        ),
        st.builds(
            lambda v, kind: {"value": v, "type": kind},
            st.sampled_from(["2001-01-01", "007", "1.50", "true", "x"]),
            st.sampled_from(
                [f"http://www.w3.org/2001/XMLSchema#{k}" for k in ("date", "integer", "decimal", "string")]
                + ["no iri"]
            ),
        ),
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(text, inner, max_size=2)),
        max_leaves=4,
    )


def edge_of(one):
    return one[:3]


def literal_of(one):
    return (*one[:2], text_of(one[2]))


@st.composite
def tables(draw, names, relations, text, origins=None) -> TripleTable:
    nodes = draw(st.lists(st.one_of(names, IRIS), min_size=1, max_size=5, unique=True))
    kinds = draw(st.lists(relations, min_size=1, max_size=3, unique=True))
    builder = TableBuilder()
    ends = st.sampled_from(nodes)
    about = st.fixed_dictionaries(
        {},
        optional={
            "confidence": st.floats(0, 1),
            "origin": st.one_of(
                st.sampled_from(["stated", "rule", "predicted"]), text if origins is None else origins
            ),
        },
    )
    for head, relation, tail, said in draw(
        st.lists(st.tuples(ends, st.sampled_from(kinds), ends, about), max_size=6, unique_by=edge_of)
    ):
        builder.edge(head, relation, tail, **said)
    for head, relation, value, said in draw(
        st.lists(
            st.tuples(ends, st.sampled_from(kinds), values(text), about),
            max_size=6,
            unique_by=literal_of,
        )
    ):
        builder.literal(head, relation, value, **said)
    return builder.finish()


def said(table: TripleTable) -> list[str]:
    return sorted(repr((*one[:3], text_of(one.value), *one[4:])) for one in table)


def round_trip(table: TripleTable, suffix: str) -> TripleTable:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"graph{suffix}"
        write_graph(table, path)
        assert [one.name for one in Path(folder).iterdir()] == [path.name]
        return read_graph(path)


SLOW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("suffix", [".nt", ".ttl", ".csv", ".json"])
@SLOW
@given(data=st.data())
def test_every_name_and_value_comes_back(suffix, data):
    table = data.draw(tables(ANY, st.one_of(ANY, IRIS), ANY))
    assert said(round_trip(table, suffix)) == said(table)


@SLOW
@given(tables(LINES, LINES, ANY, LINES))
def test_tsv_holds_names_of_one_line(table):
    assert said(round_trip(table, ".tsv")) == said(table)


@SLOW
@given(tables(PLAIN, st.one_of(PLAIN, IRIS), PLAIN))
def test_graphml_holds_what_xml_does(table):
    assert said(round_trip(table, ".graphml")) == said(table)


@pytest.mark.parametrize("suffix", [".rdf", ".xml"])
@SLOW
@given(tables(PLAIN, TAGS, PLAIN))
def test_rdf_xml_holds_relations_that_are_tags(suffix, table):
    assert said(round_trip(table, suffix)) == said(table)


@SLOW
@given(tables(ANY, ANY, ANY))
def test_networkx_and_back(table):
    again = from_networkx(to_networkx(table))
    assert said(again) == said(table) and list(again.nodes) == list(table.nodes)


def test_all_suffixes_are_tried_above():
    assert set(graph_suffixes()) == {
        ".nt",
        ".ttl",
        ".csv",
        ".json",
        ".tsv",
        ".graphml",
        ".rdf",
        ".xml",
        ".owl",
    }


@pytest.mark.parametrize(
    ("suffix", "names"),
    [
        (".graphml", ("a\x01", "p", "b")),
        (".rdf", ("a", "p%", "b")),
        (".nt", ("_:chiasmstatement1", "p", "b")),
    ],
)
def test_what_a_format_cannot_hold_is_said_and_nothing_is_left(tmp_path, suffix, names):
    builder = TableBuilder()
    builder.edge(*names)
    with pytest.raises(GraphFileError, match=r"cannot hold|like a tag|begin with"):
        write_graph(builder.finish(), tmp_path / f"g{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_nodes_of_other_networkx_graphs():
    graph = networkx.Graph()
    graph.add_node(1, colour="red", size=None)
    graph.add_edge(1, 2, label="eats", confidence=0.5)
    graph.add_edge(2, 3)
    found = [(*tuple(one)[:4], one.confidence) for one in from_networkx(graph)]
    assert found == [
        ("1", "eats", "2", None, 0.5),
        ("2", "related_to", "3", None, 1.0),
        ("1", "colour", None, "red", 1.0),
    ]
    graph.add_node("1")
    with pytest.raises(GraphFileError, match="two nodes have one name"):
        from_networkx(graph)
