"""Files of others: every spelling that RDF allows, and what is wrong is said with its line."""

from pathlib import Path

import pytest

from chiasm_graph.errors import GraphFileError
from chiasm_graph.formats import read_graph

A, P, B = "http://x.org/a", "http://x.org/p", "http://x.org/b"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PREFIXES = f"@prefix : <http://x.org/> . @prefix rdf: <{RDF}> .\n"


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def found(folder: Path, name: str, text: str | bytes) -> list[tuple]:
    return [tuple(one) for one in read_graph(put(folder, name, text))]


SPELLINGS = rf"""# a comment

<{A}> <{P}> <{B}> .
<{A}>	<{P}>  <{B}>.
<{A}> <{P}> <http://x.org/\u00fc> . # another
_:x1 <{P}> _:y .
_:x-1 <{P}> <{A}> .
<{A}> <{P}> "plain" .
<{A}> <{P}> "tab\tquote\"ü" .
<{A}> <{P}> "Hund"@de .
<{A}> <{P}> "hello"@en-GB .
<{A}> <{P}> "7"^^<http://www.w3.org/2001/XMLSchema#integer> .
<{A}> <{P}> "007"^^<http://www.w3.org/2001/XMLSchema#integer> .
<{A}> <{P}> "2001-01-01"^^<http://www.w3.org/2001/XMLSchema#date> .
<urn:chiasm:plain%20key> <urn:chiasm:is%20like> <{B}> .
<{A}> <{RDF}type> <{B}> .
<{A}> <{P}> "no line end" ."""


def test_every_spelling_of_ntriples(tmp_path):
    everything = found(tmp_path, "x.nt", SPELLINGS)
    assert len(everything) == 14
    assert sorted(map(repr, everything)) == sorted(map(repr, found(tmp_path, "x.ttl", SPELLINGS)))
    assert found(tmp_path, "crlf.nt", SPELLINGS.replace("\n", "\r\n")) == everything
    about = {"table": 1.0}
    assert all(about[origin] == confidence for *_, origin, confidence in everything)
    assert ("plain key", "is like", B, None, "table", 1.0) in everything


def test_blocks_of_a_large_file_fit_together(tmp_path, monkeypatch):
    from chiasm_graph.formats import ntriples

    whole = found(tmp_path, "x.nt", SPELLINGS)
    monkeypatch.setattr(ntriples, "_BLOCK", 37)
    assert sorted(map(repr, found(tmp_path, "x.nt", SPELLINGS))) == sorted(map(repr, whole))


REIFIED = f"""<{A}> <{P}> <{B}> .
_:r <{RDF}type> <{RDF}Statement> .
_:r <{RDF}subject> <{A}> .
_:r <{RDF}predicate> <{P}> .
_:r <{RDF}object> <{B}> .
_:r <urn:chiasm:confidence> "0.5"^^<http://www.w3.org/2001/XMLSchema#double> .
_:r <urn:chiasm:origin> "rule" .
"""


@pytest.mark.parametrize(
    ("name", "text", "confidence", "origin"),
    [
        ("x.nt", REIFIED, 0.5, "rule"),
        ("x.nt", "\n".join(reversed(REIFIED.splitlines())), 0.5, "rule"),
        ("x.ttl", PREFIXES + ":a :p :b {| :confidence 0.25 |} .", 0.25, "table"),
        ("x.ttl", PREFIXES + "<< :a :p :b >> :confidence 0.25 . :a :p :b .", 0.25, "table"),
        (
            "x.nt",
            f'_:r <{RDF}reifies> <<( <{A}> <{P}> <{B}> )>> .\n_:r <http://y.org/#confidence> "1e-1" .',
            0.1,
            "table",
        ),
    ],
)
def test_confidences_of_reified_statements(tmp_path, name, text, confidence, origin):
    assert found(tmp_path, name, text) == [(A, P, B, None, origin, confidence)]


def test_a_word_about_something_else_stays_a_statement(tmp_path):
    text = PREFIXES + ":a :confidence 0.5 . :r rdf:subject :a ; rdf:predicate :p ; rdf:object :b ; :by :c ."
    assert {(one[0][-1], one[1].rpartition("/")[2]) for one in found(tmp_path, "x.ttl", text)} == {
        ("a", "confidence"),
        *(("r", f"22-rdf-syntax-ns#{end}") for end in ("subject", "predicate", "object")),
        ("r", "by"),
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.nt", f"<{A}> <{P}> <{B}> .\n\nrubbish\n", r"x\.nt, line 3: no RDF that can be read"),
        ("x.nt", f"<{A}> <{P}> <{B}> .\n<a> <{P}> <{B}> .\n", "line 2: .*No scheme"),
        ("x.nt", f'<{A}> <{P}> "open .\n', "line 1"),
        ("x.nt", f"<{A}> <{P}> <{B}> .\n".encode() + b"<\xff> .\n", "line 2: .*not UTF-8"),
        ("x.ttl", PREFIXES + ":a :p :b .\n:a :p", "no RDF that can be read"),
        ("x.ttl", PREFIXES + ":a :p << :a :p :b >> .", "a statement about a statement"),
        ("x.ttl", PREFIXES + ":a :p :b {| :confidence 7 |} .", "confidence '7' is not a number from 0 to 1"),
        ("x.rdf", "<rdf:RDF", "no RDF that can be read"),
        ("x.rdf", '<!DOCTYPE x [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><x/>', "an XML entity"),
        ("x.nt", None, "no such file"),
        ("x.tsv", "head\trelation\ttail\na\tp\n", r"x\.tsv, line 2"),
        ("x.tsv", "a\tp\tb\tmuch\n", "line 1: confidence 'much'"),
        ("x.csv", "head,relation,tail,value\na,p,b,1\n", "either tail or value"),
        ("x.csv", "head,relation,tail,value\na,p,,[1\n", "line 2"),
        ("x.csv", "a,b\n", "2 cells and is no header"),
        ("x.graphml", "<a", "not GraphML"),
        ("x.json", "{}", "not node-link JSON"),
        ("x.json", '{"nodes": [{"id": "a", "literals": [1]}], "edges": []}', "node a, attribute literals"),
        ("x.xlsx", "", "use .csv, .graphml"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name, text, message):
    path = tmp_path / name if text is None else put(tmp_path, name, text)
    with pytest.raises(GraphFileError, match=message):
        read_graph(path)


def test_loops_and_cycles_are_statements_like_others(tmp_path):
    table = read_graph(put(tmp_path, "x.tsv", "a\tp\ta\na\tp\tb\nb\tp\ta\na\tq\tb\n"))
    assert table.edges.size == 4 and table.triples.degrees().tolist() == [3, 3]
    assert table.triples.neighbourhood([0], 5).tolist() == [0, 1]


def test_plain_triples_of_others(tmp_path):
    assert found(tmp_path, "x.csv", "a,p,b,0.5\n") == [("a", "p", "b", None, "table", 0.5)]
    assert found(tmp_path, "x.tsv", 'a\tp\t"b\n') == [("a", "p", '"b', None, "table", 1.0)]
    assert found(tmp_path, "y.tsv", "") == []
