"""A catalogue that grows retrains itself: a beat and a worker of their own, and nobody who asks for it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.serving.beat import running_beat

import chiasm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_QUICK = {"training.epochs": "1", "encoders.text_tuning": "null"}
_COLOURS = ("red", "blue", "green", "black", "white", "yellow", "brown", "grey", "pink", "orange")
_THINGS = ("bell", "lamp", "sword", "bowl", "coin", "ring", "mask", "drum", "vase", "key", "chair", "clock")


def _record(thing: str, colour: str) -> dict[str, Any]:
    return {
        "key": f"obj:{colour}-{thing}",
        "domain": "objects",
        "title": f"{colour} {thing}",
        "text": [f"A {thing} of {colour} clay.", f"{thing}, painted {colour}"],
        "relations": [{"predicate": "is_a", "object": f"kind:{thing}"}],
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "chiasm.toml").write_text('text_encoder = "hash:text/32"\n')
    return home


@pytest.fixture
def beat(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_beat(home) as process:
        yield process


def _until(look: Callable[[], Any], timeout_s: float = 600.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not come to pass")


def test_a_tenth_of_new_entities_makes_a_release_that_finds_them(
    home: Path, request: pytest.FixtureRequest
) -> None:
    with chiasm.open(home) as kb:
        kb.ingest([_record(thing, colour) for thing in _THINGS for colour in _COLOURS]).wait()
        first = kb.train(overrides=_QUICK).wait()
        assert first.result["state"] == "active", first.result
        kb.schedules.add("fresh", when_new=0.1, overrides=_QUICK)
        beat = request.getfixturevalue("beat")
        time.sleep(6.0)
        assert kb.schedules.history("fresh") == []
        kb.ingest([_record("violin", colour) for colour in _COLOURS[:5]]).wait()
        # Not enough yet: 5 of 125.
        time.sleep(8.0)
        assert kb.schedules.history("fresh") == []
        new = [_record(thing, colour) for thing in ("violin", "trumpet") for colour in _COLOURS[5:]]
        kb.ingest(new).wait()

        def settled() -> dict[str, Any] | None:
            assert beat.poll() is None, (home / "beat.log").read_text()
            runs = kb.schedules.history("fresh")
            assert len(runs) <= 1
            ended = runs and runs[0]["finished_at"]
            return runs[0] if ended else None

        run = _until(settled)
        assert (run["outcome"], run["release"], run["error"]) == ("promoted", "r2", None)
        assert run["cause"]["when_new"]["value"] == pytest.approx(15 / 135, abs=1e-6)
        hits = kb.search("orange trumpet", into="objects", k=3)
        assert hits.release == "r2" and "obj:orange-trumpet" in [hit.key for hit in hits]
        # It has fired for what came; nothing more happens until more comes.
        time.sleep(7.0)
        assert len(kb.schedules.history("fresh")) == 1
