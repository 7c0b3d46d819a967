"""Over a hundred sources that lie, swell, climb and reach out: each is refused in words, and costs no other."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.hostile.conftest import Yard, told
from tests.integration.hostile.media import PICTURES, SOUNDS, png
from tests.integration.hostile.sources import FILES, LINES

MEDIA = {
    **{name: ("image", *case) for name, case in PICTURES.items()},
    **{name: ("audio", *case) for name, case in SOUNDS.items()},
}


def manifest(folder: Path, name: str, *lines: bytes | dict[str, Any]) -> Path:
    """A manifest whose first and last record are good."""
    good = [json.dumps({"key": f"{end} {name}", "title": "good"}).encode() for end in ("first", "last")]
    middle = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path = folder / "m.jsonl"
    path.write_bytes(b"\n".join([good[0], *middle, good[1], b""]))
    return path


def went_on(yard: Yard, name: str) -> bool:
    return yard.has(f"first {name}") and yard.has(f"last {name}")


@pytest.mark.parametrize("name", MEDIA)
def test_media(yard: Yard, name: str) -> None:
    modality, content, says = MEDIA[name]
    folder = yard.folder(name)
    # Named as what it is not.
    suffix = {"image": "png", "audio": "wav"}[modality]
    (folder / f"x.{suffix}").write_bytes(content)
    path = manifest(folder, name, {"key": f"bad {name}", modality: f"x.{suffix}"})
    with yard.watched():
        errors = yard.fed(path)
    assert went_on(yard, name)
    if says is not None or errors:
        told(errors, says or "")


@pytest.mark.parametrize("name", LINES)
def test_lines(yard: Yard, name: str) -> None:
    content, says = LINES[name]
    path = manifest(yard.folder(name), name, content)
    with yard.watched():
        errors = yard.fed(path)
    assert went_on(yard, name)
    if says is None:
        assert not errors, errors
    else:
        told(errors, says)
        assert "m.jsonl:2" in str(errors[0].where)


@pytest.mark.parametrize("name", FILES)
def test_files(yard: Yard, name: str) -> None:
    file = FILES[name]
    path = yard.folder(name) / file.name
    path.write_bytes(file.content().replace(b"TRAP", f"127.0.0.1:{yard.trap.server_port}".encode()))
    with yard.watched():
        errors = yard.fed(path)
    if file.says is not None or errors:
        told(errors, file.says or "")
        assert all(file.name in str(error.where) for error in errors)


def _link(target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "x.png").symlink_to(target)


def _chain(folder: Path) -> None:
    (folder / "x.png").symlink_to("y.png")
    (folder / "y.png").symlink_to("z")
    (folder / "z").symlink_to("../../secret.png")


def _folder_link(folder: Path) -> None:
    (folder / "d").symlink_to("../..")


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        # An absolute path would be too long for one.
        made.bind(os.path.relpath(folder / "s"))


def _nothing(folder: Path) -> None:
    pass


OUTSIDE = "outside the manifest's folder"
PATHS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "upwards": (_nothing, "../../secret.png", OUTSIDE),
    "down and upwards": (lambda f: (f / "d").mkdir(), "d/../../../secret.png", OUTSIDE),
    "absolute": (_nothing, "/etc/passwd", OUTSIDE),
    "a link": (_link("../../secret.png"), "x.png", OUTSIDE),
    "an absolute link": (_link("/etc/passwd"), "x.png", OUTSIDE),
    "a chain of links": (_chain, "x.png", OUTSIDE),
    "a link to a folder": (_folder_link, "d/secret.png", OUTSIDE),
    "a link to itself": (_link("x.png"), "x.png", "cannot be opened"),
    "an endless device": (_link("/dev/zero"), "x.png", OUTSIDE),
    "a process's own memory": (_nothing, "/proc/self/mem", OUTSIDE),
    "a pipe": (lambda f: os.mkfifo(f / "x.png"), "x.png", "not a file"),
    "a socket": (
        _socket,
        "s",
        "cannot be opened|not a file",
    ),
    "a folder": (lambda f: (f / "d").mkdir(), "d", "not a file"),
    "a name of 5,000 letters": (_nothing, "x" * 5000, "cannot be opened"),
    "a name with a NUL": (_nothing, "x\0.png", "NUL"),
    "a blank name": (_nothing, "  ", "blank"),
    "percent signs": (_nothing, "..%2f..%2fsecret.png", "no such file"),
    "backslashes": (_nothing, "..\\..\\secret.png", "no such file"),
    "what others uploaded": (_nothing, "upload:" + "0" * 64, "no such file"),
}


@pytest.mark.parametrize("name", PATHS)
def test_paths(yard: Yard, name: str) -> None:
    make, written, says = PATHS[name]
    folder = yard.folder(f"path {name}")
    make(folder)
    path = manifest(folder, name, {"key": f"bad {name}", "image": written})
    with yard.watched():
        errors = yard.fed(path)
    assert went_on(yard, name)
    told(errors, says)


PRIVATE = "not public|cannot be resolved|not a URL"
URLS: dict[str, str] = {
    **{
        f"http://{host}:PORT/x": PRIVATE
        for host in (
            "127.0.0.1", "localhost", "x.localhost", "2130706433", "0x7f000001", "0x7f.1",
             "0177.0.0.1", "127.1", "0", "0.0.0.0",
            "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1%25lo]", "[fd00::1]", "user:word@127.0.0.1", "%31%32%37.0.0.1", "①②⑦.⓪.⓪.①",
        )
    },
    "http://169.254.169.254/latest/meta-data": PRIVATE,
    "http://10.0.0.1/x": PRIVATE,
    "http://100.64.0.1/x": PRIVATE,
    "http://[::ffff:169.254.169.254]/x": PRIVATE,
    "http://example.org@127.0.0.1:PORT/x": PRIVATE,
    "http://127.0.0.1:PORT\\@example.org/x": "not public|not a URL|cannot be resolved",
    "http://:PORT/x": "not fetched|not a URL",
    "http://127.0.0.1:99999/x": "not a URL|not public|cannot be resolved",
    "file:///etc/passwd": "is a URL",
    "FILE:///etc/passwd": "is a URL",
    "gopher://127.0.0.1:PORT/_x": "is a URL",
    "ftp://127.0.0.1:PORT/x": "is a URL",
    "data://text/plain,x": "is a URL",
}  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_addresses(yard: Yard, url: str) -> None:
    written = url.replace("PORT", str(yard.trap.server_port))
    path = manifest(yard.folder(f"url {url}"), url, {"key": f"bad {url}", "image": written})
    with yard.watched():
        errors = yard.fed(path)
    assert went_on(yard, url)
    told(errors, URLS[url])


def _resolver(*answers: list[str]) -> Callable[..., Any]:
    """Says something else each time it is asked."""
    left = list(answers)

    def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return getaddrinfo


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([["93.184.215.14", "127.0.0.1"]], "not public"),
        ([["127.0.0.1"]], "not public"),
        ([["93.184.215.14"], ["127.0.0.1"]], "cannot be fetched"),
    ],
    ids=["one of two is private", "private", "private when asked again"],
)
def test_names_that_resolve_to_us(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, answers: list[list[str]], says: str
) -> None:
    asked: list[str] = []

    def send(self: httpx.Client, request: httpx.Request, **named: Any) -> httpx.Response:
        asked.append(request.url.host)
        raise httpx.ConnectError("nobody there", request=request)

    monkeypatch.setattr(httpx.Client, "send", send)
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(*answers))
    url = f"http://rebind.example:{yard.trap.server_port}/x"
    path = manifest(yard.folder(f"rebind {answers}"), str(answers), {"key": "bad", "image": url})
    with yard.watched():
        errors = yard.fed(path)
    told(errors, says)
    # What was checked is what is asked.
    assert set(asked) <= {"93.184.215.14"}


def test_redirects_into_the_house(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [
        f"http://127.0.0.1:{yard.trap.server_port}/x",
        "file:///etc/passwd",
        "//[::1]/x",
        "gopher://x/",
    ]
    monkeypatch.setattr(socket, "getaddrinfo", _public_names(socket.getaddrinfo))

    def send(self: httpx.Client, request: httpx.Request, **named: Any) -> httpx.Response:
        target = targets[int(request.url.path.strip("/"))]
        return httpx.Response(302, headers={"Location": target}, request=request)

    monkeypatch.setattr(httpx.Client, "send", send)
    records = [{"key": f"bad {n}", "image": f"http://public.example/{n}"} for n in range(len(targets))]
    path = manifest(yard.folder("redirects"), "redirects", *records)
    with yard.watched():
        errors = yard.fed(path)
    assert went_on(yard, "redirects") and len(errors) == len(targets)
    told(errors, "not public|not fetched")


def _public_names(real: Callable[..., Any]) -> Callable[..., Any]:
    public = _resolver(["93.184.215.14"])
    return lambda host, *rest, **named: (public if host == "public.example" else real)(host, *rest, **named)


def test_a_folder_of_links(yard: Yard) -> None:
    folder = yard.folder("tree")
    (folder / "good.png").write_bytes(png())
    (folder / "out.png").symlink_to("../../secret.png")
    (folder / "up").symlink_to("..")
    (folder / "text.png").write_bytes(png(9))
    (folder / "text.txt").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe.txt")
    with yard.watched():
        errors = yard.fed(folder)
    assert yard.has("good") and len(errors) >= 3
    told(errors, "outside|is a link|not a file")


def test_the_corpus_is_large(yard: Yard) -> None:
    assert len(MEDIA) + len(LINES) + len(FILES) + len(PATHS) + len(URLS) >= 150
