"""Five thousand operations on a catalogue, with workers that die over them, against the plain model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storm.oracle.run import duel_of, duel_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OPERATIONS = 5000
SEED = 20_260


def test_the_catalogue_is_what_the_model_says(tmp_path: Path) -> None:
    with duel_on(tmp_path) as duel:
        try:
            for _ in duel_of(duel, SEED, OPERATIONS):
                pass
        except AssertionError as error:
            story = "\n".join(duel.story)
            raise AssertionError(
                f"{story}\nseed {SEED}, after {duel.operations} operations: {error}"
            ) from error
        assert duel.operations >= OPERATIONS and duel.world.deaths > 50
        assert min(duel.done[name] for name in ("forget", "clear", "restart", "delete asset", "edge")) > 5
