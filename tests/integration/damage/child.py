"""Cuts files and uses them, in a process that may be ended by a signal: `python -m ... HOME < cuts.json`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tests.integration.damage.kinds import KINDS, Place, facts_of, kind_of

from chiasm.catalog import Catalog
from chiasm.errors import ChiasmError
from chiasm.settings import Settings, load_settings
from chiasm.spaces import SpaceReader


def main(home: Path) -> None:
    """One line of JSON for each file: what was said of it."""
    settings, facts = load_settings(home), facts_of(home)
    for name, size in json.load(sys.stdin):
        place = Place(settings, name, facts)
        good = place.path.read_bytes()
        os.truncate(place.path, size)
        _tell(name, lambda place=place: KINDS[kind_of(place.name) or ""].door(place))  # type: ignore[misc]
        place.path.write_bytes(good)
    for path in sorted(home.glob("spaces/text-*/*/block.npy")):
        _tell(f"open {path.relative_to(home)}", lambda path=path: _cut_under_a_reader(settings, path))  # type: ignore[misc]


def _cut_under_a_reader(settings: Settings, path: Path) -> object:
    """Search a space whose feature block is cut while it is mapped."""
    catalog = Catalog.open(settings)
    good = path.read_bytes()
    try:
        space_id = int(path.parts[-3].split("-")[1])
        reader = SpaceReader(catalog, settings.spaces_dir, space_id, matrix_rows=0, small_rows=0)
        os.truncate(path, 0)
        return reader.search(np.ones((1, reader.dim), dtype=np.float32), 3)
    finally:
        path.write_bytes(good)
        catalog.close()


def _tell(name: str, use: Any) -> None:
    said: dict[str, Any] = {"name": name, "error": None}
    try:
        use()
    except ChiasmError as error:
        said |= {"error": type(error).__name__, "where": error.where, "remedy": error.remedy}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
