"""Damage to a backup, and to the home that is backed up, is found before anything is visible."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.archive.conftest import files, target
from tests.integration.ingest.conftest import Home

from chiasm.archive import backup, restore, unwatched
from chiasm.archive.staging import unpack
from chiasm.errors import ChiasmError, DamagedError, InputError

KINDS = {
    "header": "header.json",
    "table": "tables/entity/000001.jsonl",
    "embeddings": "tables/embedding/000001.jsonl",
    "blob": "blobs/",
    "ids": "/ids.npy",
    "block": "/block.npy",
    "index": "/index.faiss",
    "segment manifest": "/manifest.json",
    "model": "/model.safetensors",
    "members": "members.jsonl",
    "manifest": "manifest.json",
    "seal": "manifest.sha256",
}


def spans(file: Path, kind: str) -> list[tuple[int, int]]:
    """Where the content of members of a kind lies in the file."""
    with tarfile.open(file) as tape:
        found = [m for m in tape if m.name == kind or (kind.endswith("/") and m.name.startswith(kind))]
        found = found or [m for m in tape.getmembers() if kind.startswith("/") and m.name.endswith(kind)]
        return [(m.offset_data, m.size) for m in found]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_flipped_byte_is_found_before_anything_is_visible(whole: Path, tmp_path: Path, kind: str) -> None:
    data = bytearray(whole.read_bytes())
    start, size = spans(whole, kind)[0]
    for place in (start, start + size // 2, start + size - 1):
        spoilt = bytearray(data)
        spoilt[place] ^= 0x04
        file = tmp_path / "spoilt.tar"
        file.write_bytes(spoilt)
        with pytest.raises((DamagedError, InputError)) as caught:
            restore(file, target(tmp_path / "other"))
        assert caught.value.where and "spoilt.tar" in caught.value.where and caught.value.remedy
        assert kind.strip("/") in str(caught.value) or kind in ("header.json", "manifest.sha256")
        assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_backup_is_found(filled: Home, tmp_path: Path, suffix: str, share: float) -> None:
    file = tmp_path / f"home{suffix}"
    backup(filled.settings, filled.catalog, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises((DamagedError, InputError)):
        restore(file, target(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_damage_in_a_home_is_found_by_the_backup(
    make_home: Callable[..., Home], toys: Path, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home")
    home.ingest(toys)
    folder = home.settings.home
    places = [
        next(path for path in (folder / "blobs").rglob("*") if path.is_file()),
        *(
            next((folder / "spaces").rglob(name))
            for name in ("block.npy", "index.faiss", "ids.npy", "manifest.json")
        ),
    ]
    for path in places:
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(DamagedError) as caught:
            backup(home.settings, home.catalog, tmp_path / "home.tar")
        assert str(path) in str(caught.value.where) and caught.value.remedy
        path.unlink()
        with pytest.raises(DamagedError):
            backup(home.settings, home.catalog, tmp_path / "home.tar")
        path.write_bytes(good)
    with sqlite3.connect(folder / "catalog.sqlite") as raw:
        raw.execute(
            "UPDATE asset SET value = value || '.' WHERE modality = 'text' AND id = (SELECT min(id) FROM asset)"
        )
    raw.close()
    with pytest.raises(DamagedError, match="text differs"):
        backup(home.settings, home.catalog, tmp_path / "home.tar")
    assert not [path for path in tmp_path.iterdir() if "tar" in path.name]


def test_any_flipped_byte_is_found_or_harmless(whole: Path, tmp_path: Path) -> None:
    data, dice = whole.read_bytes(), random.Random(7)
    (tmp_path / "good").mkdir()
    unpack(whole, tmp_path / "good", unwatched)
    good, found = files(tmp_path / "good"), 0
    for turn in range(30):
        spoilt = bytearray(data)
        spoilt[dice.randrange(len(data) - 1024)] ^= 1 << dice.randrange(8)
        (tmp_path / "home.tar").write_bytes(spoilt)
        folder = tmp_path / str(turn)
        folder.mkdir()
        try:
            unpack(tmp_path / "home.tar", folder, unwatched)
        except ChiasmError:
            found += 1
        else:
            assert files(folder) == good
        shutil.rmtree(folder)
    assert found > 25
