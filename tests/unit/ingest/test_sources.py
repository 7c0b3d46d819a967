"""Which bytes a record may name: nothing outside its folder, no address that is not public."""

from __future__ import annotations

import http.server
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from chiasm.errors import ChiasmError, InputError, MediaError
from chiasm.ingest import urls
from chiasm.ingest.sources import UPLOADED, MediaSource
from chiasm.media import BlobStore, MediaLimits


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "img").mkdir(parents=True)
    (root / "img/a.png").write_bytes(png())
    (root / "img/text.png").write_text("no picture")
    (root / "img/empty.png").touch()
    (root / "img/large.png").write_bytes(png() + bytes(10_000))
    (tmp_path / "secret.png").write_bytes(png())
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "outdir").symlink_to(tmp_path)
    (root / "in.png").symlink_to(root / "img/a.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    os.mkfifo(root / "pipe.png")
    return root


BAD = [
    ("img/none.png", "no such file"),
    ("../secret.png", "outside the manifest's folder"),
    ("img/../../secret.png", "outside the manifest's folder"),
    ("/etc/passwd", "outside the manifest's folder"),
    ("out.png", "outside the manifest's folder"),
    ("outdir/secret.png", "outside the manifest's folder"),
    ("loop.png", "cannot be opened"),
    ("pipe.png", "not a file"),
    ("img", "not a file"),
    ("x" * 5000, "cannot be opened"),
    ("img/text.png", "not a picture"),
    ("img/empty.png", "empty file"),
    ("img/large.png", "bytes"),
    ("http://example.org/a.png", "is a URL"),
    ("file:///etc/passwd", "is a URL"),
    ("upload:" + "0" * 64, "no such file"),
]


@pytest.mark.parametrize(("path", "message"), BAD)
def test_bad_path(folder: Path, path: str, message: str) -> None:
    with pytest.raises(ChiasmError, match=message) as caught:
        MediaSource(folder, limits=MediaLimits(max_bytes=5000)).load(path, "image")
    assert caught.value.remedy


@pytest.mark.parametrize("path", ["img/a.png", "./img/../img/a.png", "in.png"])
def test_good_path(folder: Path, path: str) -> None:
    assert MediaSource(folder).load(path, "image").data == png()


def test_uploads(tmp_path: Path, folder: Path) -> None:
    blobs = BlobStore(str(tmp_path / "blobs"))
    uploaded = MediaSource(None, blobs=blobs)
    assert uploaded.load(UPLOADED + blobs.put(png()), "image").data == png()
    for path in ("img/a.png", UPLOADED + "../../etc/passwd"):
        with pytest.raises(ChiasmError):
            uploaded.load(path, "image")


PRIVATE = [
    "http://127.0.0.1/a.png",
    "http://localhost/a.png",
    "http://2130706433/a.png",
    "http://0x7f.1/a.png",
    "http://0177.0.0.1/a.png",
    "http://0/a.png",
    "http://10.1.2.3/a.png",
    "http://192.168.1.1/a.png",
    "http://172.16.0.1/a.png",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/a.png",
    "http://224.0.0.1/a.png",
    "http://255.255.255.255/a.png",
    "http://[::1]/a.png",
    "http://[::]/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://[::ffff:a00:1]/a.png",
    "http://[64:ff9b::7f00:1]/a.png",
    "http://[2002:7f00:1::]/a.png",
    "http://[fe80::1]/a.png",
    "http://[fd00::1]/a.png",
    "http://user:word@127.0.0.1/a.png",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_never_fetched(url: str) -> None:
    with pytest.raises(ChiasmError, match=r"not public|cannot be resolved|not a URL"):
        MediaSource(None, allow_urls=True).load(url, "image")


@pytest.mark.parametrize("url", ["ftp://example.org/a.png", "gopher://x/", "file:///etc/passwd"])
def test_other_schemes(url: str) -> None:
    with pytest.raises(InputError, match="is a URL"):
        MediaSource(None, allow_urls=True).load(url, "image")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        target = {
            "/loop": "/loop",
            "/inside": "http://169.254.169.254/x",
            "/ok": "/a.png",
            "/file": "file:///etc/passwd",
        }
        if self.path in target:
            self.send_response(302)
            self.send_header("Location", target[self.path])
            self.end_headers()
            return
        self.send_response(200 if self.path == "/a.png" else 404)
        self.end_headers()
        self.wfile.write(png())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback that passes for a public one; all other private addresses stay private."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        real = urls._is_public
        monkeypatch.setattr(urls, "_is_public", lambda address: address == "127.0.0.1" or real(address))
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def test_fetching_checks_every_hop(server: str) -> None:
    source = MediaSource(None, allow_urls=True)
    assert source.load(f"{server}/ok", "image").data == png()
    for path, kind, message in (
        ("/inside", InputError, "not public"),
        ("/file", InputError, "not fetched"),
        ("/loop", MediaError, "redirects"),
        ("/none", MediaError, "answers 404"),
    ):
        with pytest.raises(kind, match=message):
            source.load(server + path, "image")
    with pytest.raises(MediaError, match="more than 10 bytes"):
        MediaSource(None, allow_urls=True, limits=MediaLimits(max_bytes=10)).load(f"{server}/ok", "image")
