"""Keywords that texts list, and the regression over them."""

import dataclasses

import numpy as np
import pytest

from chiasm.training import Snapshot
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import visible
from chiasm.training.lists import few_names, items_of, with_lists
from chiasm.training.words import SeenWords
from chiasm_encoders import load_encoder
from chiasm_graph import Triples

SPEC = "hash:text/16"


@pytest.fixture
def listing(write_snapshot):
    """A data set in which three entities list keywords, and which of their assets do."""

    def make():
        data = Dataset.read(Snapshot.open(write_snapshot(edges=False)))
        seen = visible(data, ("valid", "test"))
        texts = np.flatnonzero(seen.assets & (data.names == "text") & ~data.stub[data.entity])
        texts = texts[np.unique(data.entity[texts], return_index=True)[1]][:3]
        values = data.value.copy()
        values[texts] = ["lamp, oil, brass, night", "oil, whale, sea, harpoon", "bell, brass, tower, noon"]
        return dataclasses.replace(data, value=values), seen, texts

    return make


def test_what_a_text_lists_leads_to_its_entity(listing):
    data, seen, texts = listing()
    encoder = load_encoder(SPEC)
    assert SeenWords.fit(data, seen) is None
    data = with_lists(data, seen, SPEC, encoder.fingerprint)
    assert data.lists.texts[:4] == ("lamp", "oil", "brass", "night") and len(data.lists.texts) == 10
    words = SeenWords.fit(data, seen)
    evidence = words.evidence(encoder.encode(["harpoon", "tower", "oil"]))
    first, second, third = data.entity[texts]
    assert np.nanargmax(evidence[0]) == second and np.nanargmax(evidence[1]) == third
    assert {int(i) for i in np.argsort(-np.nan_to_num(evidence[2], nan=-99))[:2]} == {first, second}


def test_a_held_out_list_says_nothing(listing):
    data, seen, texts = listing()
    data = with_lists(data, seen, SPEC, load_encoder(SPEC).fingerprint)
    assets = seen.assets.copy()
    assets[texts[1]] = False
    words = SeenWords.fit(data, dataclasses.replace(seen, assets=assets))
    told = {data.key[data.entity[a]] for a in data.lists.asset}
    assert told - set(words.words.keys) == {data.key[data.entity[texts[1]]]}


def test_lists_stand_back_where_neighbours_lend_names(listing):
    data, seen, texts = listing()
    named = np.unique(data.entity[seen.assets & data.stub[data.entity]])[:2]
    first, second, third = (int(e) for e in data.entity[texts])
    edges = Triples(
        [first, named[1], second], [0] * 3, [*named[:1], first, named[0]],
        num_nodes=data.num_entities, num_relations=1,
    )  # fmt: skip
    few = few_names(data, dataclasses.replace(seen, graph=edges))
    assert not few[first] and few[second] and few[third]
    assert not few[data.stub].any()


def test_another_encoder_is_not_mixed_in(listing):
    data, seen, _ = listing()
    assert with_lists(data, seen, SPEC, "another") is data


def test_without_lists_no_encoder_is_loaded(write_snapshot):
    data = Dataset.read(Snapshot.open(write_snapshot(edges=False)))
    assert with_lists(data, visible(data, ()), "no:such", None) is data


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("face, grin, happy, big smile", 4),
        ("嘿嘿、笑、脸、牙", 4),
        ("a bell, a lamp", 0),
        ("x, y, , z, w", 0),
    ],
)
def test_a_list_has_enough_short_items(text, count):
    assert len(items_of(text)) == count
