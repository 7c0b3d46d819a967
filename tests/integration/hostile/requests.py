"""Requests that nobody means well with: method, path, options, status, and what is said of them."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from tests.integration.hostile.media import PICTURES, png

__all__ = ["FILTERS", "KEYS", "REQUESTS", "Asked", "nested"]

_JSON = {"Content-Type": "application/json"}
_LINES = {"Content-Type": "application/x-ndjson"}
_FORM = {"Content-Type": "multipart/form-data; boundary=x"}
_DEEP = b"[" * 100_000 + b"]" * 100_000


class Asked(NamedTuple):
    """A request, and its answer; None: it may be taken."""

    method: str
    path: str
    options: dict[str, Any]
    status: int
    says: str | None = None


def _search(body: bytes | dict[str, Any], says: str, status: int = 422) -> Asked:
    given = {"json": body} if isinstance(body, dict) else {"content": body, "headers": _JSON}
    return Asked("POST", "/v1/search", given, status, says)


def _ingest(body: bytes, says: str | None, *, kind: dict[str, str] = _JSON, status: int = 422) -> Asked:
    return Asked("POST", "/v1/ingest", {"content": body, "headers": kind}, status, says)


def _files(says: str, *files: tuple[str, str]) -> Asked:
    sent = [(part, (name, b'{"key": "bad"}\n')) for part, name in files]
    return Asked("POST", "/v1/ingest", {"files": sent}, 422, says)


def _part(head: bytes, body: bytes = b"{}") -> bytes:
    return b"--x\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + body + b"\r\n--x--\r\n"


def _get(path: str, says: str, status: int = 422, **headers: str) -> Asked:
    return Asked("GET", path, {"headers": headers}, status, says)


def nested(levels: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"exists": "image"}
    for _ in range(levels):
        tree = {"not": tree}
    return tree


_NO_REGEX = "no value|unknown|unexpected|operator"
REQUESTS: dict[str, Asked] = {
    # Bodies.
    "100,000 brackets to ingest": _ingest(b'{"records": ' + _DEEP + b"}", "nested too deeply"),
    "100,000 brackets in a record": _ingest(b'{"records": [{"key": "bad", "attributes": ' + _DEEP + b"}]}", "deep"),
    "100,000 brackets to search": _search(b'{"where": ' + _DEEP + b"}", "recursion"),
    "100,000 brackets to a schedule": Asked(
        "POST", "/v1/schedules", {"content": b'{"params": ' + _DEEP + b"}", "headers": _JSON}, 400, "parsing"
    ),
    "100,000 brackets in a form": Asked(
        "POST", "/v1/search", {"content": _part(b'name="query"', _DEEP), "headers": _FORM}, 422, "recursion"
    ),
    "a number of 5,000 digits to ingest": _ingest(
        b'{"records": [{"key": "bad", "attributes": {"n": ' + b"9" * 5000 + b"}}]}", "digits"
    ),
    "a number of 5,000 digits to search": _search(b'{"text": "x", "k": ' + b"9" * 5000 + b"}", "range"),
    "NaN as a weight": _search(b'{"text": "x", "weights": {"text": NaN}}', "not positive"),
    "NaN in a vector": _search(b'{"vector": [NaN, 1]}', "vector"),
    "1e999 in a vector": _search(b'{"vector": [1e999]}', "vector"),
    "a vector of a million": _search(b'{"vector": [' + b"1," * 999_999 + b"1]}", "at most 65536"),
    "keys that come twice": _ingest(b'{"records": 1, "records": []}', "no records"),
    "no UTF-8 to ingest": _ingest(b'{"records": [{"key": "\xff"}]}', "utf-8"),
    "no UTF-8 to search": _search(b'{"text": "\xff"}', "JSON"),
    "half a surrogate to search": _search(b'{"text": "\\ud800"}', "JSON"),
    "a name of a million letters": _search({"x" * 1_000_000: 1}, "permitted"),
    "a list for a body": _search(b"[]", "object"),
    "nothing for a body": _search(b"", "JSON"),
    "__class__": _search({"text": "x", "__class__": "x"}, "permitted"),
    "ten million of one": Asked("POST", "/v1/schedules", {"content": b"1" * 10_000_000}, 413, "larger than"),
    # Content types that lie.
    "JSON that is a form": _ingest(b"{}", "cannot be read", kind={"Content-Type": "multipart/form-data"}),
    "a form that is JSON": _ingest(_part(b'name="manifest"; filename="m"'), "JSON"),
    "a picture as JSON": _ingest(png(), "JSON"),
    "HTML": _ingest(b"<html>", "unknown content type", kind={"Content-Type": "text/html"}),
    "a content type of 10,000 letters": _ingest(b"{}", "unknown content type", kind={"Content-Type": "x" * 10_000}),
    "lines packed by gzip": _ingest(
        b"{}", "unknown content type", kind={"Content-Type": "application/gzip", "Content-Encoding": "gzip"}
    ),
    "a sound as a picture": Asked(
        "POST", "/v1/search", {"files": {"image": ("x.png", b"RIFF\0\0\0\0WAVE", "image/png")}}, 422, "picture|damaged"
    ),
    "a picture of 50,000 x 50,000": _search(
        {"image": base64.b64encode(PICTURES["png of 50,000 x 50,000"][0]).decode()}, "pixels|memory|damaged"
    ),
    "no base64": _ingest(b'{"records": [{"key": "bad", "image": {"base64": "\xc3\xa9"}}]}', "base64"),
    "a list for base64": _ingest(b'{"records": [{"key": "bad", "image": {"base64": ["x"]}}]}', "base64"),
    # Forms.
    "a file upwards": _files("no relative", ("manifest", "../bad.jsonl")),
    "a file down and upwards": _files("no relative", ("manifest", "a/../../bad.jsonl")),
    "an absolute file": _files("no relative", ("manifest", "/tmp/bad.jsonl")),
    "a file with backslashes": _files("no relative", ("manifest", "..\\bad.jsonl")),
    "a file called dot": _files("two files|no relative", ("manifest", ".")),
    "a file of 300 letters": _files("too long", ("manifest", "x" * 300)),
    "1,500 folders": _files("cannot be read", ("manifest", "abc/" * 1500 + "x")),
    "a file as a folder": _files("one name", ("manifest", "a"), ("media", "a/b")),
    "a folder as a file": _files("one name", ("media", "a/b"), ("manifest", "a")),
    "a file twice": _files("two files", ("manifest", "a"), ("media", "./a")),
    "a part of another name": _files("unknown part", ("secret", "a")),
    "media alone": _files("nothing to ingest", ("media", "a.png")),
    "2,000 parts": Asked(
        "POST", "/v1/search", {"files": [("x", (None, b"x"))] * 2000}, 422, "cannot be read|unknown part"
    ),
    "a field of 33 MB": Asked(
        "POST", "/v1/search", {"files": {"query": (None, b" " * 33 * 2**20)}}, 422, "cannot be read"
    ),
    "a form that does not end": Asked(
        "POST", "/v1/search", {"content": b'--x\r\nContent-Disposition: form-data; name="que', "headers": _FORM}, 422, ""
    ),
    "a part without a name": Asked(
        "POST", "/v1/search", {"content": _part(b"x=y"), "headers": _FORM}, 422, "cannot be read"
    ),
    "a part with endless headers": Asked(
        "POST",
        "/v1/search",
        {"content": b"--x\r\n" + b"X-Y: z\r\n" * 100_000 + b"\r\n\r\n--x--", "headers": _FORM},
        422,
        "",
    ),
    # Callers.
    "a foreign host": _get("/v1/entities", "Host", 403, Host="evil.example"),
    "a host that looks like ours": _get("/v1/entities", "Host", 403, Host="127.0.0.1.evil.example"),
    "no host": _get("/v1/entities", "Host", 403, Host=""),
    "a foreign page": _get("/v1/entities", "another site", 403, Origin="http://evil.example"),
    "a page without a place": _get("/v1/entities", "another site", 403, Origin="null"),
    "a page that is no address": _get("/v1/entities", "another site", 403, Origin="http://[::1"),
    "a key that is none": _get("/v1/entities", "opens nothing", 401, Authorization="Bearer x"),
    "a key with SQL": _get("/v1/entities", "opens nothing", 401, **{"X-API-Key": "' OR 1=1 --"}),
    "a key of 20,000 letters": _get("/v1/entities", "opens nothing", 401, **{"X-API-Key": "k" * 20_000}),
    # Numbers in addresses.
    **{
        f"2^70 at {path}": _get(path.format(2**70), "64 bits|holds this value|no such", status)
        for path, status in (
            ("/v1/jobs/{}", 422), ("/v1/jobs/{}/events", 422), ("/v1/jobs/{}/failures", 422), ("/v1/assets/{}", 422),
            ("/v1/receipts/{}", 422), ("/v1/entities?cursor={}", 422), ("/v1/graph?cursor={}", 422),
            ("/v1/releases/r{}", 404),
        )
    },
    "a job of 5,000 digits": _get("/v1/jobs/" + "9" * 5000, "integer"),
    "a release of 5,000 digits": _get("/v1/releases/r" + "9" * 5000, "no such release", 404),
    "a revision of 5,000 digits": Asked("DELETE", "/v1/entities/x", {"headers": {"If-Match": "9" * 5000}}, 422, "revis"),
    "a setting of 5,000 digits": Asked(
        "POST", "/v1/releases", {"json": {"overrides": {"fusion.dim": "9" * 5000}}}, 422, ""
    ),
    "a setting that is YAML's own": Asked(
        "POST", "/v1/releases", {"json": {"overrides": {"fusion.dim": "!!python/object/apply:os.system [id]"}}}, 422, ""
    ),
    "a recipe upwards": Asked("POST", "/v1/releases", {"json": {"recipe": "../../etc/passwd"}}, 422, ""),
    "a schedule of 100,000 stars": Asked(
        "POST", "/v1/schedules", {"json": {"name": "x", "cron": "*" * 100_000}}, 422, ""
    ),
    "a folder upwards": _get("/v1/../../etc/passwd", "", 404),
    "a folder upwards in percent": _get("/v1/assets/..%2f..%2fetc%2fpasswd", "", 404),
}  # fmt: skip

#: Written as an expression, or as a tree.
FILTERS: dict[str, tuple[str | dict[str, Any], str | None]] = {
    "1,000 brackets": ("(" * 1000 + "a == 1" + ")" * 1000, "levels of nesting"),
    "50 nots": ("not " * 50 + "a == 1", "levels of nesting"),
    "50 nots as a tree": (nested(50), "levels of nesting"),
    "200 nots as a tree": (nested(200), "levels of nesting|recursion"),
    "20 levels": (" and (a == 1 or ".join(["b == 2"] * 9) + ")" * 8, None),
    "3,000 ors": (" or ".join(["a == 1"] * 3000), "500 conditions"),
    "500 ors": (" or ".join(["a == 1"] * 499), None),
    "20,000 values": ({"field": "a", "in": list(range(20_000))}, "500 conditions"),
    "499 values": ("a in [" + ",".join(map(str, range(499))) + "]", None),
    "500 steps": (".".join("a" * 500) + " == 1", "32 deep"),
    "32 steps": (".".join("a" * 32) + " == 1", None),
    "5,000 digits": ("a == " + "9" * 5000, "64 bits"),
    "5,000 digits behind the point": ("a == 0." + "9" * 5000, None),
    "2^63 as a tree": ({"field": "a", "op": "==", "value": 2**63}, "64 bits"),
    "1e999": ("a == 1e999", "too large"),
    "a million letters": ("a == '" + "x" * 1_000_000 + "'", "characters"),
    "100,000 backslashes": ("a == '" + "\\" * 100_001 + "'", "not closed|escape"),
    "quotes in quotes": ("a == '" + "\\'" * 50_000, "not closed"),
    "SQL behind a value": ("a == 1; drop table entity; --", "unexpected ';'"),
    "SQL in a value": ('a == "\'); drop table entity; --"', None),
    "SQL in a name": ("`a') or 1=1 --` == 1", None),
    "SQL in a tree's name": ({"field": "`$.a' or '1'='1`", "op": "==", "value": 1}, None),
    "SQL as an operator": ({"field": "a", "op": "= 1 or 1", "value": 1}, "unknown operator"),
    "a list as an operator": ({"field": "a", "op": ["=="], "value": 1}, "unknown operator"),
    "per cent signs": ("title contains '%_%'", None),
    "an expression that is a bomb elsewhere": ("title contains '(a+)+$'", None),
    "an operator of regular expressions": ("title =~ '(a+)+$'", "unexpected '='"),
    "matches": ('title matches "(a+)+$"', "operator"),
    "a tree that matches": ({"field": "title", "regex": "(a+)+$"}, "unknown condition"),
    "an unknown builtin": ("exists(__class__)", None),
    "a NUL": ("a == '\\u0000'", "NUL"),
    "a NUL as a tree": ({"field": "key", "op": "==", "value": "a\0"}, "NUL"),
    "an escape of a terminal": ("key == '\x1b[2J'", None),
    "nothing": ("", "field is missing"),
    "no condition": ({}, "no fields"),
    "one condition of none": ({"or": []}, "at least two"),
    "a value that is a tree": ({"field": "a", "op": "==", "value": {"a": 1}}, "no value"),
    "ten thousand names": ({f"n{at}": at for at in range(10_000)}, "unknown condition"),
}

#: Names that every door has to do with: none may be taken in, and asking for one finds nothing.
KEYS = {
    "a NUL": "a\0b",
    "a line break": "a\nb",
    "an escape": "\x1b[2J",
    "a bell": "a\x07",
    "a letter that turns the line round": "a\u202eb",
    "a blank": "   ",
    "10,000 letters": "k" * 10_000,
    "SQL": "'; DROP TABLE entity; --",
    "per cent signs": "%00%2e%2e%2f",
    "a path": "../../etc/passwd",
}
assert json.dumps(KEYS)
