"""One flipped byte, or a missing end, in any file of a home is found before the file is used."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.damage.conftest import House
from tests.integration.damage.kinds import KINDS, Place, kind_of

from chiasm.errors import ChiasmError

USED = [name for name, kind in KINDS.items() if kind.door is not None]
#: Files of a kind, and positions drawn in each beside its first, middle and last byte.
_FILES, _DRAWN = 3, 4


def of_kind(house: House, kind: str) -> list[str]:
    """Some files of a kind: the first ones and the last one."""
    names = [name for name in house.files() if kind_of(name) == kind]
    return list(dict.fromkeys([*names[: _FILES - 1], *names[-1:]]))


@contextmanager
def put_back(path: Path) -> Iterator[bytes]:
    good = path.read_bytes()
    try:
        yield good
    finally:
        path.write_bytes(good)


def use(place: Place) -> object:
    door = KINDS[kind_of(place.name) or ""].door
    assert door is not None
    return door(place)


def test_every_file_is_of_a_known_kind(house: House) -> None:
    """A new kind of file needs a row in `kinds.py`, and whoever reads it has to find damage."""
    assert [name for name in house.files() if kind_of(name) is None] == []
    assert [kind for kind in USED if not of_kind(house, kind)] == []


@pytest.mark.parametrize("kind", USED)
def test_a_sound_file_is_used(house: House, kind: str) -> None:
    for name in of_kind(house, kind):
        use(house.place(name))


@pytest.mark.parametrize("kind", USED)
def test_a_flipped_byte_is_found(house: House, kind: str) -> None:
    draw = random.Random(f"{kind} 11")
    for name in of_kind(house, kind):
        place = house.place(name)
        with put_back(place.path) as good:
            drawn = {draw.randrange(len(good)) for _ in range(_DRAWN)}
            for at in sorted({0, len(good) // 2, len(good) - 1, *drawn}):
                bit = 1 << draw.randrange(8)
                place.path.write_bytes(good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :])
                with pytest.raises(ChiasmError) as caught:
                    use(place)
                told(caught.value.where, caught.value.remedy, name)


def test_a_missing_end_is_found_and_no_signal_comes(house: House) -> None:
    """In a process of its own: a map of a file that was cut ends who touches it."""
    cuts = []
    for kind in USED:
        for name in of_kind(house, kind):
            size = house.place(name).path.stat().st_size
            cuts += [(name, left) for left in sorted({0, size // 2, size - 1})]
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.damage.child", str(house.settings.home)],
        input=json.dumps(cuts),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    said = [json.loads(line) for line in child.stdout.splitlines()]
    assert [one["name"] for one in said if one["error"] is None] == []
    assert len(said) > len(cuts)
    for one in said:
        told(one["where"], one["remedy"], one["name"].removeprefix("open "))


def told(where: str | None, remedy: str | None, name: str) -> None:
    """Whether the message names the file, and what to do."""
    assert where is not None and Path(name).name in where and remedy, (name, where, remedy)
