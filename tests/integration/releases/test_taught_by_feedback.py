"""What people said of hits teaches the next release: queries that they found entities right for, and wrong for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chiasm.client.embedded import OpenHome
from chiasm.releases.feedback import give_feedback, said_of_entities
from chiasm.search import Part, Query

from .conftest import Home, thing

pytestmark = pytest.mark.timeout(300)
#: Words that no text of the catalogue has, and whom people found with them.
RIGHT = {f"what grandfather called item{n}": f"obj:{n}" for n in range(3, 60, 5)}


def ranks(home: Home, asked: dict[str, str]) -> list[int]:
    """Rank of the entity for each query, 1000 where it is not among the hits."""
    opened = OpenHome(home.settings)
    try:
        searcher, found = opened.searcher(), []
        for text, key in asked.items():
            hits = searcher.search(home.workspace_id, Query((Part("text", text),), k=100)).hits
            found.append(next((hit.rank for hit in hits if hit.key == key), 1000))
        return found
    finally:
        opened.close()


@pytest.fixture(scope="module")
def home(made: Home) -> Home:
    made.ingest(*(thing(n) for n in range(120)))
    assert made.train()["state"] == "active"
    return made


def say(home: Home, text: str, **said: Any) -> None:
    give_feedback(home.catalog, home.workspace_id, text, **said)


def test_accepted_hits_are_found_by_the_next_release(home: Home) -> None:
    before = ranks(home, RIGHT)
    for text, key in RIGHT.items():
        say(home, text, accepted=[key])
    home.train(seed=1, promote="force")
    after = ranks(home, RIGHT)
    assert np.median(before) > 5 and np.median(after) == 1, (before, after)
    # Words beside those that were said count too.
    near = {text.replace("what", "thing that"): key for text, key in RIGHT.items()}
    assert np.median(ranks(home, near)) <= 3


def test_what_was_said_last_counts(home: Home) -> None:
    text, key = next(iter(RIGHT.items()))
    say(home, text, rejected=[key], accepted=["obj:90"])
    with home.catalog.read() as session:
        said = said_of_entities(session, home.workspace_id)
    wrong, right = (
        next(one for one, name in home.live().items() if name == which) for which in (key, "obj:90")
    )
    assert said[wrong, text] is False and said[right, text] is True
    home.train(seed=1, promote="force")
    assert ranks(home, {text: "obj:90"}) == [1]
    assert ranks(home, {text: key})[0] > 1


def scores(home: Home, text: str) -> dict[str, float]:
    opened = OpenHome(home.settings)
    try:
        found = opened.searcher().search(home.workspace_id, Query((Part("text", text),), k=100))
        return {hit.key: hit.score for hit in found.hits}
    finally:
        opened.close()


def test_a_query_whose_hits_were_wrong_names_nothing(home: Home) -> None:
    """It explains itself after that: what stands beside words like it hears less of it."""
    text = "bronze clay"
    before = scores(home, text)
    wrong = list(before)[:5]
    say(home, text, rejected=wrong)
    home.train(seed=1, promote="force")
    after = scores(home, text)
    assert all(after.get(key, 0.0) < before[key] for key in wrong), (before, after)
