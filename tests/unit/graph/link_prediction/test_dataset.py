import numpy as np
import pytest

from chiasm_graph.errors import LinkDataError, UnknownNameError
from chiasm_graph.link_prediction import LinkData
from chiasm_graph.link_prediction.queries import Queries, both_directions

TRAIN = [("a", "likes", "b"), ("b", "knows", "c"), ("a", "likes", "b")]


def test_names_are_numbered_in_order_and_training_triples_count_once():
    data = LinkData.from_triples(TRAIN, [("c", "likes", "d")], [("b", "likes", "a")])
    assert data.entities == ("a", "b", "c", "d") and data.relations == ("likes", "knows")
    assert data.train.tolist() == [[0, 0, 1], [1, 1, 2]]
    assert data.valid.tolist() == [[2, 0, 3]] and data.test.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        (("z", "likes", "a"), "z: unknown entity"),
        (("a", "hates", "b"), "hates: unknown relation"),
        (("a", "likes", "y"), "y: unknown entity"),
    ],
)
def test_unknown_names_are_refused(triple, message):
    with pytest.raises(UnknownNameError, match=message):
        LinkData.from_triples(TRAIN).encode([triple])


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\tb\n", "line 1: 2 columns"), ("a\tb\tc\na\tb\tc\td\n", "line 2: 4 columns"), ("", "no triples")],
)
def test_broken_files_say_where(tmp_path, text, message):
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.tsv").write_text("a\tr\tb\n")
    assert LinkData.read(tmp_path).num_entities == 2
    (tmp_path / "valid.tsv").write_text(text)
    with pytest.raises(LinkDataError, match=message):
        LinkData.read(tmp_path)
    (tmp_path / "valid.tsv").unlink()
    with pytest.raises(LinkDataError, match="no such file"):
        LinkData.read(tmp_path)


def test_queries_hold_every_triple_in_both_directions():
    triples = np.random.default_rng(0).integers(0, 5, (40, 3))
    both = both_directions(triples, 5)
    queries = Queries.group(both)
    owner, place = queries.tails_of(np.arange(len(queries)))
    again = np.stack([queries.heads[owner], queries.relations[owner], queries.tails[place]], axis=1)
    assert again.tolist() == both[queries.rows].tolist()
    assert sorted(queries.rows) == list(range(80))
    assert len({*zip(queries.heads, queries.relations, strict=True)}) == len(queries)


def test_queries_are_found_or_not():
    queries = Queries.group(np.array([[1, 0, 2], [1, 0, 3], [4, 1, 0]]))
    found = queries.find(np.array([4, 1, 1, 9]), np.array([1, 0, 7, 0]))
    assert found.tolist() == [1, 0, -1, -1]
    owner, place = queries.tails_of(found)
    assert owner.tolist() == [0, 1, 1] and queries.tails[place].tolist() == [0, 2, 3]
    nothing = Queries.group(np.zeros((0, 3), dtype=np.int64))
    assert nothing.find(np.array([1]), np.array([0])).tolist() == [-1]


def test_a_valid_split_that_repeats_training_or_test_says_nothing() -> None:
    facts = [(f"e{n}", "r", f"e{n + 1}") for n in range(200)]
    sound = LinkData.from_triples(facts[:100], facts[100:120], facts[120:])
    assert sound.with_honest_valid() is sound
    some = LinkData.from_triples(facts[:100], [*facts[95:120], *facts[118:122]], facts[120:])
    assert some.with_honest_valid().valid.tolist() == sound.valid.tolist()
    assert some.with_honest_valid().train is some.train
    leaking = LinkData.from_triples(facts[:100], [*facts[:40], facts[150], facts[101]], facts[120:])
    mended = leaking.with_honest_valid()
    assert len(mended.valid) == 5 and len(mended.train) == 95
    assert sorted([*mended.train.tolist(), *mended.valid.tolist()]) == sorted(leaking.train.tolist())
    assert mended.with_honest_valid() is mended
    assert mended.fingerprint == leaking.with_honest_valid().fingerprint
