"""A minute of SIGKILL while clients write, delete and search: what was acknowledged is there, nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.storm.run import storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 60.0


def test_on_sqlite(tmp_path: Path) -> None:
    outcome = storm(tmp_path, seconds=SECONDS, seed=random.randrange(2**31))
    assert not outcome.differences, str(outcome)
    assert outcome.operations["upsert"], str(outcome)


def test_on_postgresql_and_redis(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    settings = {"database_url": postgres_url, "broker_url": redis_url}
    outcome = storm(tmp_path, seconds=SECONDS, seed=random.randrange(2**31), settings=settings)
    assert not outcome.differences, str(outcome)
    assert outcome.operations["upsert"], str(outcome)
