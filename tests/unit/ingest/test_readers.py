"""Readers: forms by name and header, rows with line numbers, bad rows alone, going on from a cursor."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chiasm.errors import ChiasmError, ManifestError
from chiasm.ingest.readers import detect
from chiasm.ingest.rows import Edge, Label, Row


def rows(path: Path, **cursor: int) -> list[Row]:
    return list(detect(path).load()(path, **cursor))


def shown(path: Path, **cursor: int) -> list[tuple[int, Any]]:
    return [
        (row.line, row.content.what if isinstance(row.content, ChiasmError) else row.content)
        for row in rows(path, **cursor)
    ]


def packed(name: str, data: bytes) -> bytes:
    if name.endswith(".zst"):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return bytes(sink.getvalue())
    return gzip.compress(data) if name.endswith(".gz") else data


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(packed(name, data))
    return path


JSONL = (
    b'\xef\xbb\xbf{"key": "a"}\n\n  \n{"key": "b"\n[1]\n'
    b'{"key": "\xff"}\n{"key": "c", "n": NaN}\r\n{"key": "d"}'
)


@pytest.mark.parametrize("name", ["m.jsonl", "m.ndjson", "m.jsonl.gz", "m.jsonl.zst", "M.JSONL"])
def test_jsonl(tmp_path: Path, name: str) -> None:
    found = shown(put(tmp_path, name, JSONL))
    assert [line for line, _ in found] == [1, 4, 5, 6, 7, 8]
    assert found[0][1] == {"key": "a"} and found[-1][1] == {"key": "d"}
    assert [str(what)[:20] for _, what in found[1:5]] == [
        "not JSON: Expecting ",
        "the line is not a JS",
        "byte 10 of the line ",
        "NaN is not a JSON nu",
    ]


def test_an_endless_line_spoils_itself_only(tmp_path: Path) -> None:
    long = b'{"key": "' + b"x" * (17 * 2**20) + b'"}\n{"key": "b"}\n'
    assert [what for _, what in shown(put(tmp_path, "m.jsonl", long))] == [
        "the line is longer than 16 MiB",
        {"key": "b"},
    ]


@pytest.mark.parametrize("name", ["m.jsonl.gz", "m.jsonl.zst"])
def test_a_cut_packed_file_gives_what_it_holds(tmp_path: Path, name: str) -> None:
    # Numbers that do not pack well: many blocks.
    lines = b"".join(
        b'{"key": "%s"}\n' % hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(29999)
    )
    path = put(tmp_path, name, lines)
    path.write_bytes(path.read_bytes()[:-2000])
    found = rows(path)
    assert len(found) > 1000 and isinstance(found[-1].content, ManifestError)


@pytest.mark.parametrize("name", ["m.jsonl.zst", "m.csv.zst", "m.nt.zst"])
def test_what_is_not_packed_at_all_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"key,title\na,A\n" * 50)
    try:
        found = [row.content for row in rows(path)]
    except ManifestError as error:
        found = [error]
    assert len(found) == 1 and isinstance(found[0], ManifestError) and found[0].remedy


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "m.csv",
            'key,title,text\na,A,\n\nb,"B, b","[""x"", ""y""]"\n',
            [{"key": "a", "title": "A"}, {"key": "b", "title": "B, b", "text": ["x", "y"]}],
        ),
        (
            "m.tsv",
            'title\tkey\tattributes\nA\ta\t{"n": 1}\n',
            [{"key": "a", "title": "A", "attributes": {"n": 1}}],
        ),
        ("m.csv", "key,text\na,x,y\nb,z\n", ["the row has 3 cells, not 2", {"key": "b", "text": "z"}]),
        ("m.csv", b"key,text\na,\xff\nb,z\n", ["the row is not UTF-8", {"key": "b", "text": "z"}]),
        ("t.tsv", "a\tr\tb\n", [Edge("a", "r", "b")]),
        (
            "t.csv",
            "head,relation,tail,confidence\na,r,b,0.5\nc,r,d,\n",
            [Edge("a", "r", "b", None, 0.5), Edge("c", "r", "d")],
        ),
        ("t.csv", "relation,head,tail\nr,a,b\n", [Edge("a", "r", "b")]),
        ("t.tsv.zst", "a\tr\tb\n", [Edge("a", "r", "b")]),
        ("t.tsv.gz", 'a\tr\t"b\n\nc\tr\td\n', [Edge("a", "r", '"b'), Edge("c", "r", "d")]),
        ("t.csv", "a,r,b,0.25\n", [Edge("a", "r", "b", None, 0.25)]),
        (
            "t.csv",
            "a,r,b\na,r\na,r,\na,r,c\n",
            [
                Edge("a", "r", "b"),
                "the row has 2 cells, not 3",
                "tail is blank or holds a control character",
                Edge("a", "r", "c"),
            ],
        ),
        (
            "t.csv",
            "head,relation,tail,confidence\na,r,b,much\na,r,b,7\n",
            ["confidence 'much' is not a number", "confidence '7.0' is not a number from 0 to 1"],
        ),
    ],
)
def test_tables(tmp_path: Path, name: str, content: str | bytes, expected: list[Any]) -> None:
    assert [what for _, what in shown(put(tmp_path, name, content))] == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.csv", "id,title,year,price\n1,2,3,4\n"), ("x.csv", "a,b\n"), ("x.tsv", ""), ("x.csv", "one\n")],
)
def test_a_table_that_is_neither_shows_both_forms(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(ManifestError, match=r"x\.") as caught:
        detect(put(tmp_path, name, content))
    assert "key,domain" in str(caught.value.remedy) and "head,relation,tail" in str(caught.value.remedy)


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "key": ["a", "b"],
            "text": [["x", "y"], None],
            "attributes": [{"n": 1, "m": None}, {"n": None, "m": 2}],
            "relations": [[{"predicate": "p", "object": "b"}], None],
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    pq.write_table(pa.table({"head": ["a"], "relation": ["r"], "tail": ["b"]}), tmp_path / "t.parquet")
    assert shown(tmp_path / "m.parquet") == [
        (
            1,
            {
                "key": "a",
                "text": ["x", "y"],
                "attributes": {"n": 1},
                "relations": [{"predicate": "p", "object": "b"}],
            },
        ),
        (2, {"key": "b", "attributes": {"m": 2}}),
    ]
    assert shown(tmp_path / "m.parquet", line=1) == shown(tmp_path / "m.parquet")[1:]
    assert shown(tmp_path / "t.parquet") == [(1, Edge("a", "r", "b"))]
    with pytest.raises(ManifestError, match="not a Parquet file"):
        detect(put(tmp_path, "x.parquet", "rubbish"))
    pq.write_table(pa.table({"id": ["a"], "name": ["r"], "x": ["b"]}), tmp_path / "n.parquet")
    with pytest.raises(ManifestError, match="neither a manifest nor triples"):
        detect(tmp_path / "n.parquet")


TURTLE = """@prefix : <http://x.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:dog rdfs:label "dog"@en ; :eats :bone ; :legs 4 ; :good true ; rdfs:comment "barks" .
"""
STATEMENT = "<http://x.org/dog> <http://x.org/eats> <http://x.org/bone> .\n"
XML = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x.org/">
<rdf:Description rdf:about="http://x.org/dog"><x:eats rdf:resource="http://x.org/bone"/></rdf:Description></rdf:RDF>"""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.nt", STATEMENT, [Edge("http://x.org/dog", "http://x.org/eats", "http://x.org/bone")]),
        ("x.rdf", XML, [Edge("http://x.org/dog", "http://x.org/eats", "http://x.org/bone")]),
        (
            "x.ttl.gz",
            TURTLE,
            [
                Label("http://x.org/dog", "dog", "en"),
                Edge("http://x.org/dog", "http://x.org/eats", "http://x.org/bone"),
                Edge("http://x.org/dog", "http://x.org/legs", None, 4),
                Edge("http://x.org/dog", "http://x.org/good", None, True),
                Label("http://x.org/dog", "barks", None, False),
            ],
        ),
    ],
)
def test_rdf(tmp_path: Path, name: str, content: str, expected: list[Any]) -> None:
    path = put(tmp_path, name, content)
    assert [what for _, what in shown(path)] == expected
    assert shown(path, line=1) == shown(path)[1:]


def test_rdf_errors_end_the_file_and_keep_what_stood_before(tmp_path: Path) -> None:
    found = shown(put(tmp_path, "x.nt", "<http://x.org/a> <http://x.org/p> <http://x.org/b> .\nrubbish\n"))
    assert isinstance(found[0][1], Edge) and str(found[1][1]).startswith("not RDF that can be read")


def test_networks(tmp_path: Path) -> None:
    import networkx

    graph = networkx.MultiDiGraph()
    graph.add_node("a", label="A", year=1900)
    graph.add_edge("a", "b", relation="eats", confidence=0.5)
    graph.add_edge("b", "a")
    networkx.write_graphml(graph, tmp_path / "g.graphml")
    (tmp_path / "g.json").write_text(json.dumps(networkx.node_link_data(graph, edges="links")))
    expected = [
        {"key": "a", "title": "A", "attributes": {"year": 1900}},
        Edge("a", "eats", "b", None, 0.5),
        Edge("b", "related_to", "a"),
    ]
    for name in ("g.graphml", "g.json"):
        for ending in (".gz", ".zst"):
            put(tmp_path, name + ending, (tmp_path / name).read_bytes())
    for name in ("g.graphml", "g.json", "g.graphml.gz", "g.graphml.zst", "g.json.gz", "g.json.zst"):
        assert [what for _, what in shown(tmp_path / name)] == expected
    for name in ("x.graphml", "x.json"):
        assert str(shown(put(tmp_path, name, "rubbish"))[0][1]).startswith("not ")
    assert str(shown(put(tmp_path, "y.json", "[" * 100_000))[0][1]).startswith("not node-link JSON")


def test_folder(tmp_path: Path) -> None:
    for name in (
        "cats/tom.jpg",
        "cats/tom.wav",
        "cats/old/felix.png",
        "rex.png",
        "readme.txt",
        ".hidden/x.png",
        "a.pdf",
    ):
        put(tmp_path, f"media/{name}", b"x")
    put(tmp_path, "media/cats/tom.txt", "a tom cat")
    put(tmp_path, "media/rex.txt", b"\xff")
    (tmp_path / "media/loop").symlink_to(tmp_path / "media")
    found = rows(tmp_path / "media")
    assert [row.content for row in found if isinstance(row.content, dict)] == [
        {
            "key": "cats/tom",
            "title": "tom",
            "attributes": {"category": "cats"},
            "image": ["cats/tom.jpg"],
            "text": "a tom cat",
            "audio": ["cats/tom.wav"],
        },
        {
            "key": "cats/old/felix",
            "title": "felix",
            "attributes": {"category": "cats/old"},
            "image": ["cats/old/felix.png"],
        },
    ]
    assert [row.file for row in found] == ["rex", "cats/tom", "cats/old/felix"]
    assert rows(tmp_path / "media", line=2) == found[2:]


@pytest.mark.parametrize("name", ["x.txt", "x", "x.docx", "x.gz"])
def test_unknown_forms(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="no form that is read") as caught:
        detect(put(tmp_path, name, "x"))
    assert ".jsonl" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("m.jsonl", lambda n: f'{{"key": "k{n}"}}\n'),
        ("m.jsonl.gz", lambda n: f'{{"key": "k{n}"}}\n'),
        ("m.csv", lambda n: f'k{n},"two\nlines"\n'),
        ("t.tsv", lambda n: f"a{n}\tr\tb\n"),
        ("t.nt", lambda n: f"<http://x.org/{n}> <http://x.org/p> <http://x.org/b> .\n"),
    ],
)
def test_going_on_from_any_row(tmp_path: Path, name: str, make: Callable[[int], str]) -> None:
    head = "key,text\n" if name == "m.csv" else ""
    path = put(tmp_path, name, head + "".join(make(n) for n in range(7)))
    whole = rows(path)
    assert len(whole) == 7
    for number, row in enumerate(whole, start=1):
        assert rows(path, line=row.line, offset=row.offset) == whole[number:]
