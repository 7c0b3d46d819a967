"""Backups that strangers made: nothing lands outside, nothing becomes visible, nothing fills memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.archive.conftest import ENCODERS
from tests.integration.ingest.conftest import Home

from chiasm.archive import backup, restore
from chiasm.errors import ChiasmError, DamagedError, InputError
from chiasm.settings import load_settings

Change = Callable[[dict[str, bytes]], None]


def write_tape(file: Path, members: dict[str, bytes], extra: Iterable[tarfile.TarInfo] = ()) -> None:
    """A tape with a list, a manifest and a seal that agree with what is on it."""
    listed = {name: data for name, data in members.items() if name not in ("members.jsonl", "manifest.json")}
    listed.pop("manifest.sha256", None)
    lines = [[name, len(data), hashlib.sha256(data).hexdigest()] for name, data in listed.items()]
    stated = "".join(json.dumps(line) + "\n" for line in lines).encode()
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {"bytes": len(stated), "sha256": hashlib.sha256(stated).hexdigest()}
    text = json.dumps(manifest).encode()
    seal = f"{hashlib.sha256(text).hexdigest()}  manifest.json\n".encode()
    ends = {"members.jsonl": stated, "manifest.json": text, "manifest.sha256": seal}
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tape:
        for number, (name, data) in enumerate([*listed.items(), *ends.items()]):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
            if number == 0:
                for odd in extra:
                    tape.addfile(odd, io.BytesIO(b"x" * odd.size))


@pytest.fixture(scope="module")
def members(filled: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    file = tmp_path_factory.mktemp("good") / "home.tar"
    backup(filled.settings, filled.catalog, file)
    with tarfile.open(file) as tape:
        return {info.name: tape.extractfile(info).read() for info in tape}  # type: ignore[union-attr]


def refused(tmp_path: Path, file: Path, *kinds: type[ChiasmError]) -> ChiasmError:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kinds or InputError) as caught:
        restore(file, load_settings(tmp_path / "other", **ENCODERS))
    assert caught.value.where and caught.value.remedy
    assert sorted(tmp_path.rglob("*")) == before
    return caught.value


def test_an_honest_copy_is_taken(members: dict[str, bytes], tmp_path: Path) -> None:
    write_tape(tmp_path / "home.tar", members)
    assert restore(tmp_path / "home.tar", load_settings(tmp_path / "other", **ENCODERS)).tables["entity"] > 25


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "spaces/../../evil",
        "models/../catalog.sqlite",
        "models//x",
        "models/./x",
        "models",
        "models/a\\..\\b",
        "models/new\nline",
        "catalog.sqlite",
        "chiasm.toml",
        "queue/x",
        "blobs/aa/bb/" + "c" * 64,
        "blobs/../x",
        "tables/../../x.jsonl",
        "tables/entity/x.jsonl",
        "tables/sqlite_master/000001.jsonl",
        "tables/alembic_version/000001.jsonl",
        "header.json",
        "models/" + "d/" * 40 + "x",
    ],
)
def test_names_that_have_no_place(members: dict[str, bytes], tmp_path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = 3
    write_tape(tmp_path / "home.tar", members, [info])
    refused(tmp_path, tmp_path / "home.tar", InputError, DamagedError)


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        b"Z",
    ],
)
def test_only_plain_files(members: dict[str, bytes], tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("models/x")
    info.type, info.linkname = kind, "/etc/passwd"
    write_tape(tmp_path / "home.tar", members, [info])
    assert "no plain file" in str(refused(tmp_path, tmp_path / "home.tar"))


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE]
)
def test_extended_headers_are_not_taken_into_memory(
    members: dict[str, bytes], tmp_path: Path, kind: bytes
) -> None:
    info = tarfile.TarInfo("models/x")
    info.type, info.size = kind, 2**40
    head = tarfile.TarInfo("header.json")
    head.size = len(members["header.json"])
    data = head.tobuf() + members["header.json"] + bytes(-head.size % 512)
    (tmp_path / "home.tar").write_bytes(data + info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    refused(tmp_path, tmp_path / "home.tar")


def test_absurd_sizes_and_bombs(members: dict[str, bytes], tmp_path: Path) -> None:
    head = tarfile.TarInfo("header.json")
    head.size = len(members["header.json"])
    huge = tarfile.TarInfo("models/x")
    huge.size = 2**60
    data = head.tobuf() + members["header.json"] + bytes(-head.size % 512) + huge.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "home.tar").write_bytes(data)
    assert "room" in str(refused(tmp_path, tmp_path / "home.tar"))
    (tmp_path / "home.tar").write_bytes(gzip.compress(data + bytes(2**24)))
    assert "room" in str(refused(tmp_path, tmp_path / "home.tar"))
    large = tarfile.TarInfo("header.json")
    large.size = 2**25
    (tmp_path / "home.tar").write_bytes(gzip.compress(large.tobuf() + bytes(2**25)))
    assert "too large" in str(refused(tmp_path, tmp_path / "home.tar"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        bytes(10_240),
        b"\x1f\x8b" + bytes(40),
        b"\x28\xb5\x2f\xfd" + bytes(40),
        b"PK\x03\x04" + bytes(600),
    ],
)
def test_other_files_are_no_backups(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "home.tar").write_bytes(content)
    refused(tmp_path, tmp_path / "home.tar", InputError, DamagedError)


def changed_row(table: str, **values: Any) -> Change:
    def change(members: dict[str, bytes]) -> None:
        name = f"tables/{table}/000001.jsonl"
        rows = [json.loads(line) for line in members[name].splitlines()]
        rows[-1] |= values
        members[name] = "".join(json.dumps(row) + "\n" for row in rows).encode()

    return change


def dropped(table: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        name = f"tables/{table}/000001.jsonl"
        members[name] = b"".join(members[name].splitlines(keepends=True)[:-1])

    return change


def header(**values: Any) -> Change:
    def change(members: dict[str, bytes]) -> None:
        for name in ("header.json", "manifest.json"):
            members[name] = json.dumps({**json.loads(members[name]), **values}).encode()

    return change


def without(part: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        del members[next(name for name in members if part in name)]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed_row("segment", path="../../other"), "leads elsewhere"),
        (changed_row("segment", path="/etc"), "leads elsewhere"),
        (changed_row("segment", path="spaces"), "missing"),
        (changed_row("segment", sha256="0" * 64), "checksum"),
        (changed_row("release", folder="../../x"), "leads elsewhere"),
        (changed_row("asset", value="another text"), "checksum"),
        (changed_row("asset", value=None, state="pending", sha256="../../../../etc/passwd"), "missing"),
        (changed_row("entity", workspace_id=99), "do not fit"),
        (changed_row("entity", id="x"), "do not fit"),
        (changed_row("entity", attributes={"a": 1}, evil=1), "do not fit"),
        (changed_row("work_unit", payload=[]), "do not fit"),
        (dropped("triple"), "rows instead of"),
        (header(format=2), "format 2"),
        (header(schema="9999"), "not known"),
        (header(tables={}), "rows instead of"),
        (header(tables=[]), "lacks something"),
        (header(created_at="now"), "lacks something"),
        (header(counters={"entity": 2**70}), "lacks something"),
        (header(schema=None), "lacks something"),
        (without("blobs/"), "missing"),
        (without("/manifest.json"), "missing"),
        (without("tables/predicate"), "rows"),
    ],
)
def test_rows_that_contradict_the_files(
    members: dict[str, bytes], tmp_path: Path, change: Change, says: str
) -> None:
    own = dict(members)
    change(own)
    write_tape(tmp_path / "home.tar", own)
    assert says in str(refused(tmp_path, tmp_path / "home.tar", InputError, DamagedError))
