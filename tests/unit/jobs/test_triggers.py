from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Job, Release
from chiasm.jobs import live_metrics, schedules, submitters
from chiasm.jobs.drift import distance_of
from chiasm.jobs.firing import fire_due
from chiasm.jobs.history import history
from chiasm.settings import Settings


@pytest.fixture(autouse=True)
def submit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of job that makes no release."""

    def submit(
        settings: Settings, catalog: Catalog, workspace_id: int, *, idempotency_key: str, **params: Any
    ) -> int:
        with catalog.write() as session:
            return jobs.create_job(session, workspace_id, "evaluate", params, idempotency_key).id

    monkeypatch.setitem(submitters._SUBMITTERS, "train", submit)


class Fire:
    """Looks at the schedules, some seconds after the last time."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._settings, self._catalog = settings, catalog
        self.now = 5000.0

    def __call__(self, after_s: float = 10.0) -> list[int]:
        self.now += after_s
        return fire_due(self._settings, self._catalog, clock=lambda session: self.now)


@pytest.fixture
def fire(settings: Settings, catalog: Catalog) -> Fire:
    return Fire(settings, catalog)


def _release(catalog: Catalog, workspace_id: int, number: int, made: float, state: str = "active") -> None:
    with catalog.write() as session:
        session.add(Release(workspace_id=workspace_id, number=number, created_at=made, state=state))


def _entities(catalog: Catalog, workspace_id: int, *changed: float) -> None:
    with catalog.write() as session:
        for at in changed:
            key = f"e{time.perf_counter_ns()}"
            session.add(Entity(workspace_id=workspace_id, key=key, created_at=at, updated_at=at))


def test_enough_new_entities_fire_once_for_each_release(
    catalog: Catalog, workspace_id: int, fire: Fire
) -> None:
    schedules.add(catalog, workspace_id, "fresh", when_new=0.5)
    assert fire() == []
    _release(catalog, workspace_id, 1, 1000.0)
    _entities(catalog, workspace_id, 500.0, 500.0, 500.0, 2000.0)
    assert fire() == []
    _entities(catalog, workspace_id, 2000.0, 2000.0)
    [job_id] = fire()
    jobs.cancel(catalog, job_id)
    assert fire() == []
    [run] = history(catalog, workspace_id, "fresh")
    assert run["cause"] == {"when_new": {"value": 0.5, "bound": 0.5}}
    assert (run["due_at"], run["outcome"], run["job"]) == (None, "cancelled", job_id)
    _release(catalog, workspace_id, 2, 2500.0)
    assert fire() == []
    _entities(catalog, workspace_id, *[3000.0] * 6)
    assert len(fire()) == 1


def test_conditions_are_looked_at_every_few_seconds(catalog: Catalog, workspace_id: int, fire: Fire) -> None:
    schedules.add(catalog, workspace_id, "fresh", when_new=0.5)
    assert fire() == []
    _entities(catalog, workspace_id, 2000.0)
    assert fire(1.0) == []
    assert len(fire(5.0)) == 1


def test_after_a_failed_training_it_is_tried_again_in_an_hour(
    catalog: Catalog, workspace_id: int, fire: Fire
) -> None:
    schedules.add(catalog, workspace_id, "fresh", when_new=0.5)
    _entities(catalog, workspace_id, 500.0, 1500.0, 1500.0)
    _release(catalog, workspace_id, 1, 1000.0)
    assert len(fire()) == 1
    with catalog.write() as session:
        session.query(Job).update({"state": "failed"})
    # What it made failed: its entities are as new as before.
    _release(catalog, workspace_id, 2, fire.now, state="failed")
    assert fire(3000.0) == []
    assert len(fire(700.0)) == 1


def test_a_training_that_runs_anyway_is_waited_for(catalog: Catalog, workspace_id: int, fire: Fire) -> None:
    schedules.add(catalog, workspace_id, "fresh", when_new=0.5)
    _entities(catalog, workspace_id, 2000.0)
    with catalog.write() as session:
        other = jobs.create_job(session, workspace_id, "ingest", {}).id
    assert fire() == []
    jobs.cancel(catalog, other)
    assert len(fire()) == 1


def test_a_clock_with_a_condition_fires_only_if_it_holds(
    catalog: Catalog, workspace_id: int, fire: Fire
) -> None:
    start = fire.now
    schedules.add(
        catalog, workspace_id, "nightly", cron="0 * * * *", when_new=0.5, clock=lambda session: start
    )
    _release(catalog, workspace_id, 1, 1000.0)
    _entities(catalog, workspace_id, 500.0, 500.0, 500.0, 2000.0)
    assert fire(3600.0) == []
    _entities(catalog, workspace_id, *[2000.0] * 4)
    assert len(fire(3600.0)) == 1
    newest, first = history(catalog, workspace_id, "nightly")
    assert newest["cause"]["when_new"]["value"] == 0.625
    assert (first["outcome"], first["note"]) == ("skipped", "new: 0.25 against 0.5")


def test_a_figure_that_falls_fires(
    catalog: Catalog, workspace_id: int, fire: Fire, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {"value": None}

    def read(session: Any, workspace_id: int, since: float) -> float | None:
        seen["since"] = since
        return seen["value"]

    monkeypatch.setattr(
        "chiasm.jobs.triggers.read_metric", lambda session, ws, name, since: read(session, ws, since)
    )
    schedules.add(catalog, workspace_id, "worse", when_metric="accept_rate < .6")
    _release(catalog, workspace_id, 1, 1000.0)
    for value in (None, 0.6, 0.9):
        seen["value"] = value
        assert fire() == []
    seen["value"] = 0.59
    assert len(fire()) == 1 and fire() == []
    assert seen["since"] == 1000.0
    [run] = history(catalog, workspace_id, "worse")
    assert run["cause"] == {"when_metric": {"metric": "accept_rate", "value": 0.59, "bound": 0.6}}


@pytest.mark.parametrize(
    ("text", "parsed"), [("accept_rate<0.6", ("accept_rate", 0.6)), (" hit@10 < .5 ", ("hit@10", 0.5))]
)
def test_bounds_of_figures(text: str, parsed: tuple[str, float]) -> None:
    assert live_metrics.parse_bound(text) == parsed


def _unit(rows: int, centre: float, seed: int) -> Any:
    drawn = np.random.default_rng(seed).normal(size=(rows, 16)).astype(np.float32)
    drawn[:, 0] += centre
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_the_distance_of_two_samples_is_what_its_formula_says() -> None:
    first, second = _unit(40, 0.0, 1), _unit(50, 3.0, 2)
    apart = lambda one, other: np.linalg.norm(one[:, None] - other[None], axis=2)  # noqa: E731
    across = 2 * apart(first, second).mean()
    within = apart(first, first).sum() / (40 * 39) + apart(second, second).sum() / (50 * 49)
    found = distance_of(first, second)
    assert found.distance == pytest.approx((across - within) / across, rel=1e-6)
    assert found.is_seen and found.p_value == pytest.approx(1 / 200)
    assert distance_of(first, second) == found


def test_chance_is_not_taken_for_drift() -> None:
    found = [distance_of(_unit(64, 0.0, seed), _unit(48, 0.0, seed + 1000)) for seed in range(40)]
    assert sum(one.is_seen for one in found) <= 2
    assert abs(float(np.mean([one.distance for one in found]))) < 0.01


@pytest.mark.parametrize("centre", [1.0, 2.0, 4.0])
def test_the_farther_the_larger(centre: float) -> None:
    near, far = (distance_of(_unit(64, 0.0, 1), _unit(64, c, 2)).distance for c in (centre / 2, centre))
    assert near < far <= 1


def test_equal_vectors_are_no_drift() -> None:
    same = np.ones((40, 4), np.float32)
    assert distance_of(same, same).distance == 0.0
