"""The regression from words, its links to entities, and its files."""

import json

import numpy as np
import pytest

from chiasm.errors import DamagedError
from chiasm.fusion.words import WordLinks, Words
from chiasm_graph import Triples

STUB = np.array([False, False, False, True, True])
#: Entities 0 and 1 share keyword 3, entity 1 also has 4; entity 2 stands alone.
GRAPH = Triples([0, 1, 1], [0, 0, 0], [3, 3, 4], num_nodes=5, num_relations=1)


def units(count: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_keyword_speaks_for_its_neighbours_and_a_title_for_its_own_entity():
    links = WordLinks.build(np.array([0, 1, 2, 2]), np.array([3, 4, 0, 1]), GRAPH, STUB)
    pairs = set(zip(links.word.tolist(), links.entity.tolist(), strict=True))
    assert pairs == {(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)}


def test_activations_solve_the_ridge_regression():
    vectors, query = units(40), units(3, seed=1)
    words = Words.fit(vectors, ("k",) * 40, np.arange(40))
    gram = np.exp(4 * (vectors @ vectors.T - 1)) + 0.5 * np.eye(40)
    expected = np.exp(4 * (query @ vectors.T - 1)) @ np.linalg.inv(gram)
    assert words.activations(query) == pytest.approx(expected, abs=5e-3)


def test_evidence_is_the_logarithm_of_what_words_give_by_rarity():
    links = WordLinks.build(np.array([0, 1]), np.array([3, 4]), GRAPH, STUB)
    found = links.evidence(np.array([[0.5, 0.25]], dtype=np.float32))[0]
    assert np.isnan(found[2:]).all()
    shared = 0.5 / np.sqrt(2)
    assert found[:2] == pytest.approx(np.log([shared + 0.01, shared + 0.25 + 0.01]), abs=1e-6)


def test_words_that_come_together_count_once():
    first, second = units(2)
    twice = Words.fit(np.stack([first, first, second]), ("a", "b", "c"), np.arange(3))
    once = Words.fit(np.stack([first, second]), ("a", "c"), np.arange(2))
    both = twice.activations(first[None])[0, :2].sum()
    assert both < 1.3 * once.activations(first[None])[0, 0]


def test_no_links_are_no_evidence():
    none = np.zeros(0, dtype=np.int64)
    links = WordLinks.build(none, none, GRAPH, STUB)
    assert np.isnan(links.evidence(np.ones((2, 0), dtype=np.float32))).all()


def test_files_come_back(tmp_path):
    words = Words.fit(units(6), tuple("abcdef"), np.arange(6))
    assert words.save(tmp_path) == ["fusion/words.safetensors", "fusion/words.json"]
    back = Words.load(tmp_path)
    assert back is not None
    assert back.keys == words.keys
    for name in ("vectors", "inverse", "word"):
        assert np.array_equal(getattr(back, name), getattr(words, name))
    assert Words.load(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("keys", [["a"], "abcdef", None])
def test_keys_that_do_not_fit_are_damage(tmp_path, keys):
    Words.fit(units(6), tuple("abcdef"), np.arange(6)).save(tmp_path)
    (tmp_path / "fusion" / "words.json").write_text(json.dumps({"keys": keys}))
    with pytest.raises(DamagedError, match="do not fit"):
        Words.load(tmp_path)
