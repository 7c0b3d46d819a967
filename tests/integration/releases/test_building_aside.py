"""While a release is built, swapped in and kept, what comes in, changes and goes is in both."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from chiasm import ingest
from chiasm.errors import NotFoundError
from chiasm.releases import promote, rollback
from chiasm.releases.follow import follow_kept

from .conftest import Home, thing

pytestmark = pytest.mark.timeout(300)


NEW = 18


def change(home: Home, round_: int) -> None:
    """A round of deleted, new and changed things, worked off as a worker does."""
    first = 1000 + NEW * round_
    for n in (60 + 3 * round_, 61 + 3 * round_, first - NEW):
        with suppress(NotFoundError):
            ingest.delete_entity(home.catalog, home.workspace_id, f"obj:{n}")
    home.ingest(
        # Of each material: what stands around is refreshed.
        *(thing(n) for n in range(first, first + NEW)),
        *(thing(n, f"seen again in round{round_}") for n in range(5 * round_ % 40, 5 * round_ % 40 + 10)),
        # What a record does not name any more goes.
        {"key": f"obj:{50 + round_ % 10}", "text": [f"only this is left of it{round_}"]},
    )


def test_what_is_acknowledged_meanwhile_is_in_both(made: Home) -> None:
    home = made
    home.ingest(*(thing(n) for n in range(96)))
    assert home.train()["state"] == "active"
    home.assert_current(home.release("r1"))

    # A second release is built while clients write and delete.
    home.train(seed=1, promote="force", work=False)
    over = threading.Event()
    rounds: list[int] = []

    def write() -> None:
        while not over.is_set() and len(rounds) < 8:
            change(home, len(rounds))
            rounds.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    home.work(["train"])
    over.set()
    writer.join()
    home.work()
    assert rounds
    assert home.release().name == "r2"
    home.assert_current(home.release("r2"))

    # The earlier one is kept in step, and going back to it loses nothing.
    change(home, 20)
    assert follow_kept(home.settings, home.catalog) == 1
    home.work()
    assert follow_kept(home.settings, home.catalog) == 0
    home.assert_current(home.release("r1"))
    began = time.monotonic()
    assert rollback(home.catalog, home.workspace_id).release == "r1"
    assert time.monotonic() - began < 1.0
    assert home.work()["follow"] == 0
    home.assert_current(home.release("r1"))

    # Nor where it was not: the first work is what it lacks.
    change(home, 21)
    assert promote(home.catalog, home.workspace_id, "r2").state == "active"
    assert home.work()["follow"] == 1
    home.assert_current(home.release("r2"))
    told = home.release("r2").history
    assert [event["event"] for event in told] == ["promoted", "rolled back", "retired", "promoted"]
