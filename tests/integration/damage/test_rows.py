"""A byte that changes in the database's own file is found by the doctor and by the backup, which name the row."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.integration.damage.conftest import House

from chiasm.archive import backup
from chiasm.catalog import Catalog
from chiasm.client.embedded import OpenHome
from chiasm.errors import DamagedError
from chiasm.settings import load_settings
from chiasm.upkeep import examine


@pytest.fixture
def copied(house: House, tmp_path: Path) -> Path:
    """A home with nothing in it but the catalog, folded into one file."""
    with sqlite3.connect(house.settings.home / "catalog.sqlite") as source:
        source.execute("VACUUM INTO ?", (str(tmp_path / "catalog.sqlite"),))
    source.close()
    shutil.copy(house.settings.home / "chiasm.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("column", "table"),
    [
        ("SELECT title FROM entity WHERE key = 'toy:red-circle'", "entity"),
        ("SELECT value FROM asset WHERE value LIKE '%green bar%'", "asset"),
        ("SELECT sha256 FROM asset WHERE modality = 'image' LIMIT 1", "asset"),
    ],
)
def test_a_flipped_byte_in_a_row(copied: Path, column: str, table: str) -> None:
    file = copied / "catalog.sqlite"
    with sqlite3.connect(file) as raw:
        needle = str(raw.execute(column).fetchone()[0]).encode()
    raw.close()
    content = file.read_bytes()
    # The last place is the row's own, or an index's; where it stands twice both are damaged.
    file.write_bytes(content.replace(needle, needle[:-1] + bytes([needle[-1] ^ 1])))
    settings = load_settings(copied)
    catalog = Catalog.open(settings)
    with pytest.raises(DamagedError, match=f"{table} \\d+") as caught:
        backup(settings, catalog, copied / "home.tar")
    catalog.close()
    assert "doctor" in str(caught.value.remedy) and not (copied / "home.tar").exists()
    home = OpenHome(settings)
    problems = [one.what for one in examine(home).findings if one.check == "rows" and one.level == "problem"]
    home.close()
    assert any(f"table {table}" in what for what in problems)


def test_a_damaged_model_is_not_backed_up(house: House, tmp_path: Path) -> None:
    path = house.settings.models_dir / "releases/1/r1/fusion/model.safetensors"
    good = path.read_bytes()
    try:
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(DamagedError) as caught:
            backup(house.settings, house.catalog, tmp_path / "home.tar")
        path.unlink()
        with pytest.raises(DamagedError, match="missing"):
            backup(house.settings, house.catalog, tmp_path / "home.tar")
    finally:
        path.write_bytes(good)
    assert str(path) in str(caught.value.where) and list(tmp_path.iterdir()) == []
