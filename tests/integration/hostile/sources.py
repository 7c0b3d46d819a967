"""Files to be ingested that nobody means well with: name, content, and what is said of them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["FILES", "LINES", "File"]


class File(NamedTuple):
    """A whole source."""

    name: str
    content: Callable[[], bytes]
    #: What is said; None: it may be taken.
    says: str | None


def _line(**fields: Any) -> bytes:
    return json.dumps({"key": "bad", **fields}).encode()


#: Lines of a manifest between two good ones.
LINES: dict[str, tuple[bytes, str | None]] = {
    "not JSON": (b"{", "not JSON"),
    "100,000 brackets": (b'{"key": "bad", "attributes": ' + b"[" * 100_000, "deep|not JSON|nested"),
    "100,000 closed brackets": (
        b'{"key": "bad", "attributes": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        "deep|nested",
    ),
    "40 levels": (b'{"key": "bad", "attributes": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}", "nested"),
    "1e999": (b'{"key": "bad", "attributes": {"n": 1e999}}', "finite"),
    "NaN": (b'{"key": "bad", "attributes": {"n": NaN}}', "NaN"),
    "-Infinity": (b'{"key": "bad", "attributes": {"n": -Infinity}}', "Infinity"),
    "a number of 100,000 digits": (
        b'{"key": "bad", "attributes": {"n": ' + b"9" * 100_000 + b"}}",
        "digits|64 bits",
    ),
    "2^63": (b'{"key": "bad", "attributes": {"n": 9223372036854775808}}', "64 bits"),
    "bytes that are no UTF-8": (b'{"key": "bad", "title": "\xff\xfe"}', "not UTF-8"),
    "an overlong slash": (b'{"key": "bad", "title": "\xc0\xaf"}', "not UTF-8"),
    "UTF-16": ('{"key": "bad"}'.encode("utf-16"), "not UTF-8"),
    "a mark of byte order in the middle": (b'\xef\xbb\xbf{"key": "bad"}', "not JSON"),
    "a NUL in the text": (_line(title="a\0b"), "NUL"),
    "a bare NUL": (b'{"key": "bad", "title": "a\0b"}', "not JSON|NUL"),
    "half a surrogate": (b'{"key": "bad", "title": "\\ud800"}', "surrogate"),
    "17 MB on a line": (b'{"key": "bad", "title": "' + b"x" * 17 * 2**20 + b'"}', "16 MiB"),
    "two million letters": (_line(title="x" * 2_000_000), "characters"),
    "keys that come twice": (b'{"key": "bad", "title": "a", "title": "b"}', None),
    "a list": (b'[{"key": "bad"}]', "not a JSON object"),
    "a word": (b'"bad"', "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "no key": (b'{"title": "x"}', "'key' is missing"),
    "a key that is a list": (_line(key=["bad"]), "must be a string"),
    "a key with a line break": (_line(key="a\nb"), "control character"),
    "a key with an escape": (_line(key="\x1b[2J"), "control character"),
    "a key that turns the line round": (_line(key="a\u202eb"), "control character"),
    "a blank key": (_line(key=" \t "), "blank"),
    "a key of 10,000 letters": (_line(key="k" * 10_000), "characters"),
    "an unknown field": (_line(colour="red"), "colour"),
    "__class__": (_line(__class__="x"), "__class__"),
    "a domain that climbs": (_line(domain="../../x"), None),
    "SQL in every field": (_line(domain="'; DROP TABLE entity; --", title="' OR 1=1 --"), None),
    "a confidence of 2": (
        _line(relations=[{"predicate": "p", "object": "b", "confidence": 2}]),
        "from 0 to 1",
    ),
    "a relation that is a word": (_line(relations=["x"]), "must be an object"),
    "a revision below none": (_line(if_revision=-1), "no revision"),
    "20,000 relations": (_line(relations=[{"predicate": "p", "value": n} for n in range(20_000)]), None),
}


def _packed(text: bytes, end: bytes = b"") -> bytes:
    """400 MB of zeros between two texts, in 400 kB: parts that were packed one by one may follow each other."""
    return gzip.compress(text) + gzip.compress(_MILLION) * 400 + gzip.compress(end)


_MILLION = b"0" * 2**20


def _zst(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def _entities(root: bytes, use: bytes) -> bytes:
    """The billion laughs."""
    inner = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">' + inner + b"]>" + root.replace(b"%", use)


def _external(root: bytes, system: bytes) -> bytes:
    head = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "' + system + b'">]>'
    return head + root.replace(b"%", b"&e;")


_GRAPHML = (
    b'<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><key id="t" for="node" attr.name="title" '
    b'attr.type="string"/><graph edgedefault="directed"><node id="bad"><data key="t">%</data></node></graph></graphml>'
)
_RDF = (
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x.org/">'
    b'<rdf:Description rdf:about="http://x.org/bad"><x:p>%</x:p></rdf:Description></rdf:RDF>'
)


def _parquet(change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"key": [f"bad{n}" for n in range(100)]}), out)
    return change(out.getvalue())


def _lying_footer(data: bytes) -> bytes:
    return data[:-8] + (2**31 - 1).to_bytes(4, "little") + data[-4:]


def _spoilt_footer(data: bytes) -> bytes:
    size = int.from_bytes(data[-8:-4], "little")
    return data[: -8 - size] + b"\xff" * size + data[-8:]


_TRIPLE = b"<http://x.org/bad> <http://x.org/p> %s .\n"
_NO_FORM = "no form that is read"

FILES: dict[str, File] = {
    "jsonl.gz of one line of 400 MB": File("m.jsonl.gz", lambda: _packed(b""), "16 MiB"),
    "jsonl.gz cut": File("m.jsonl.gz", lambda: gzip.compress(b'{"key": "bad"}\n' * 9000)[:60], "damaged"),
    "jsonl.gz spoilt": File("m.jsonl.gz", lambda: gzip.compress(b"x" * 9000)[:10] + b"\xff" * 90, "damaged"),
    "jsonl.gz that is none": File("m.jsonl.gz", lambda: b'{"key": "bad"}\n', "damaged"),
    "jsonl.zst of one line of 64 MB": File("m.jsonl.zst", lambda: _zst(b"0" * 2**26), "16 MiB"),
    "jsonl.zst cut": File("m.jsonl.zst", lambda: _zst(b'{"key": "bad"}\n' * 9000)[:20], "damaged"),
    "jsonl.zst that is none": File("m.jsonl.zst", lambda: b"rubbish", "damaged"),
    "csv.gz of one cell of 400 MB": File("m.csv.gz", lambda: _packed(b"key,title\nbad,"), "16 MiB|field"),
    "csv.gz spoilt behind its header": File(
        "m.csv.gz", lambda: gzip.compress(b"key,title\n", 0)[:-8] + b"\xff" * 90, "cannot be read|damaged"
    ),
    "csv with a quote that never ends": File(
        "m.csv", lambda: b'key,title\nbad,"' + b"x\n" * 8_388_700, "field|cannot be read"
    ),
    "csv with a cell of 17 MB": File(
        "m.csv", lambda: b"key,title\nbad," + b"x" * 17 * 2**20, "16 MiB|field|characters"
    ),
    "csv with NULs": File("m.csv", lambda: b"key,title\nbad,a\0b\n", "NUL"),
    "csv with too many cells": File("m.csv", lambda: b"key,title\nbad,a,b,c\n", "cells"),
    "csv with bad UTF-8": File("m.csv", lambda: b"key,title\nbad,\xff\n", "not UTF-8"),
    "tsv that is neither": File("t.tsv", lambda: b"a\tb\tc\td\te\n", "neither a manifest nor triples"),
    "json.gz of 400 MB": File("g.json.gz", lambda: _packed(b"[", b"]"), "not node-link JSON|unpacked"),
    "json of 100,000 brackets": File("g.json", lambda: b"[" * 100_000, "not node-link JSON"),
    "json with a number of 100,000 digits": File(
        "g.json", lambda: b'{"nodes": [{"id": ' + b"9" * 100_000 + b'}], "edges": []}', "not node-link JSON"
    ),
    "graphml with a billion laughs": File("g.graphml", lambda: _entities(_GRAPHML, b"&l9;"), "not GraphML"),
    "graphml that names a file": File(
        "g.graphml", lambda: _external(_GRAPHML, b"file:///etc/passwd"), "not GraphML"
    ),
    "graphml that names an address": File(
        "g.graphml", lambda: _external(_GRAPHML, b"http://TRAP/x"), "not GraphML"
    ),
    "graphml.gz of 400 MB": File("g.graphml.gz", lambda: _packed(b"<a>"), "not GraphML|unpacked"),
    "graphml.gz spoilt": File(
        "g.graphml.gz", lambda: gzip.compress(b"<a/>")[:10] + b"\xff" * 90, "not GraphML"
    ),
    "rdf with a billion laughs": File("g.rdf", lambda: _entities(_RDF, b"&l9;"), "not RDF"),
    "rdf that names a file": File("g.rdf", lambda: _external(_RDF, b"file:///etc/passwd"), "not RDF"),
    "rdf that names an address": File("g.rdf", lambda: _external(_RDF, b"http://TRAP/x"), "not RDF"),
    "rdf with a long entity": File(
        "g.rdf", lambda: _entities(_RDF, b"&l9;").replace(b"lol", b"l" * 100_000), "not RDF"
    ),
    "rdf with a namespace as an entity": File(
        "g.rdf",
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x "http://x.org/">]>'
            + _RDF.replace(b'xmlns:x="http://x.org/"', b'xmlns:x="&x;"').replace(b"%", b"good")
        ),
        None,
    ),
    "rdf that is html": File("g.rdf", lambda: b"<html><body>", "not RDF"),
    "nt.gz of one literal of 400 MB": File(
        "g.nt.gz",
        lambda: _packed(b'<http://x.org/bad> <http://x.org/p> "', b'" .\n'),
        "not RDF|16 MiB",
    ),
    "nt.gz spoilt": File("g.nt.gz", lambda: gzip.compress(b"<a>")[:10] + b"\xff" * 90, "not RDF"),
    "nt with an integer of 100,000 digits": File(
        "g.nt",
        lambda: _TRIPLE % (b'"' + b"9" * 100_000 + b'"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        "no integer",
    ),
    "nt with a double of 1e999": File(
        "g.nt", lambda: _TRIPLE % b'"1e999"^^<http://www.w3.org/2001/XMLSchema#double>', "finite"
    ),
    "nt with an IRI of 10,000 letters": File(
        "g.nt", lambda: _TRIPLE % (b"<http://x.org/" + b"a" * 10_000 + b">"), "characters"
    ),
    "turtle with 100,000 brackets": File(
        "g.ttl", lambda: b"@prefix : <http://x.org/> . :bad :p " + b"[ :p " * 100_000, "not RDF"
    ),
    "turtle with a NUL": File("g.ttl", lambda: b'<http://x.org/bad> <http://x.org/p> "a\\u0000b" .', "NUL"),
    "parquet whose footer lies": File("m.parquet", lambda: _parquet(_lying_footer), "not a Parquet file"),
    "parquet whose footer is rubbish": File(
        "m.parquet", lambda: _parquet(_spoilt_footer), "not a Parquet file"
    ),
    "parquet cut": File(
        "m.parquet", lambda: _parquet(lambda data: data[: len(data) // 2]), "not a Parquet file"
    ),
    "parquet with spoilt pages": File(
        "m.parquet",
        lambda: _parquet(lambda d: d[:4] + b"\xff" * 60 + d[64:]),
        "damaged|Parquet|cannot be read",
    ),
    "zip with a climbing member": File("m.zip", lambda: b"PK\x03\x04" + b"../../x" * 9, _NO_FORM),
    "tar": File("m.tar.gz", lambda: gzip.compress(bytes(10240)), _NO_FORM),
    "table of a spreadsheet": File("m.xlsx", lambda: b"PK\x03\x04", _NO_FORM),
}
