"""A catalogue whose texts were shuffled is not its own judge: what is trained on it does not go live."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from chiasm.training import Judged

from .conftest import Home, thing

pytestmark = pytest.mark.timeout(900)
COUNT = 300


def own_hits(home: Home, name: str) -> float:
    """Mean hit@10 of text queries in the release's own report."""
    rows = home.release(name).metrics["retrieval"]
    return mean(row["hit@10"] for row in rows if (row["query"], row["target"]) == ("text", "any"))


def test_a_poisoned_snapshot_is_not_promoted(made: Home) -> None:
    home = made
    home.ingest(*(thing(n) for n in range(COUNT)))
    assert home.train()["state"] == "active"
    first = Judged.read(home.settings.models_dir / home.release("r1").folder)
    assert first is not None and len(first.results) >= 20 and first.of is None
    # The same data again: nothing is lost, and the queries and their truth are the same.
    second = home.train(seed=1)
    assert second["state"] == "active", second["gate"]
    assert second["gate"]["compared"][0]["n"] == len(first.results)
    kept = Judged.read(home.settings.models_dir / home.release("r2").folder)
    assert kept is not None and kept.of == first.digest
    assert {query.id: query.expected for query in kept.queries} == {q.id: q.expected for q in first.queries}

    # Titles, texts and edges of everything go to something else.
    others = list(range(COUNT))
    random.Random(0).shuffle(others)
    home.ingest(*({**thing(other), "key": f"obj:{n}"} for n, other in enumerate(others)))
    poisoned = home.train(seed=2)
    assert poisoned["state"] == "candidate"
    assert any("all queries" in reason for reason in poisoned["gate"]["reasons"]), poisoned["gate"]
    # By its own truth it is as good as the first: that is what makes it dangerous.
    assert own_hits(home, "r3") > 0.8 * own_hits(home, "r1") > 0
    assert home.release().name == "r2"
    assert home.release("r3").history[-1]["event"] == "kept as a candidate"
