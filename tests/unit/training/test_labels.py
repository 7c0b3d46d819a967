import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from chiasm.errors import InputError
from chiasm.training import Snapshot
from chiasm.training.dataset import Dataset
from chiasm.training.labelling import label_rows, macro_f1, probe
from chiasm.training.labels import label_targets
from chiasm.training.targets import Target


def table(**columns):
    """A snapshot's attributes alone."""
    rows = [(e, n, v) for n, values in columns.items() for e, v in values.items()]
    made = {name: np.array(part, dtype=object) for name, part in zip(("entity", "name", "value"), zip(*rows, strict=True), strict=True)}  # fmt: skip  # noqa: E501
    return SimpleNamespace(workspace="w", predicates=("has_word", "next_to"), column=lambda _, n: made[n])


@pytest.fixture
def data(write_snapshot):
    return Dataset.read(Snapshot.open(write_snapshot()))


def test_targets_and_what_is_left_out(data):
    snapshot = table(
        colour={0: "red", 1: "red", 2: "blue", 3: "blue", 4: "green"},
        one={0: "x", 1: "x", 2: "x"},
        unique={n: f"v{n}" for n in range(10)},
        stubs={60: "a", 61: "a", 62: "b", 63: "b"},
    )
    colour, one, unique, stubs = label_targets(data, snapshot, ("colour", "one", "unique", "stubs"))
    assert colour.classes == ("blue", "red") and colour.codes[:6].tolist() == [1, 1, 0, 0, -1, -1]
    assert colour.note == "1 values seen once are left out"
    assert one.classes == () and "one value only" in one.note
    assert unique.classes == () and "fewer than two values are seen twice" in unique.note
    assert stubs.classes == () and (stubs.codes == -1).all()
    # Asked for nothing, names and rarities are no classes.
    assert label_targets(data, snapshot) == ()
    with pytest.raises(InputError, match=r"no entity has weight.*") as caught:
        label_targets(data, snapshot, ("weight",))
    assert "colour" in str(caught.value) and "next_to" in str(caught.value)


def test_a_relation_is_a_target_and_its_split_is_the_edges(data):
    (target,) = label_targets(data, table(x={0: "a", 1: "a"}), ("has_word",))
    assert target.kind == "relation" and len(target.classes) == 20
    edge = int(np.flatnonzero((data.graph.relations == 0) & (data.triple_split == "test"))[0])
    head, tail = data.graph.heads[edge], data.graph.tails[edge]
    assert target.split[head] == "test" and target.classes[target.codes[head]] == data.key[tail]


def test_rows_are_judged_beside_the_majority():
    generator = np.random.default_rng(0)
    codes = np.arange(200) % 4 // 1 * (np.arange(200) < 150)
    vectors = np.eye(4)[codes] + 0.1 * generator.normal(size=(200, 4))
    split = np.where(np.arange(200) % 5 == 0, "test", "train").astype(object)
    target = Target("kind", "attribute", ("a", "b", "c", "d"), codes, split)
    alone = dataclasses.replace(target, name="alone", classes=(), note="one value only")
    present = np.arange(200) % 7 != 0
    rows = label_rows([target, alone], np.arange(200), lambda _: (vectors, present))
    good, none = rows
    assert set(good) == set(none) and good["by"] == "probe"
    assert good["accuracy"] > 0.95 and good["macro_f1"] > 0.95 and good["majority"] < 0.7
    assert 0 < good["balance"] < 1 and good["n"] == int((present & (split == "test")).sum())
    assert none["accuracy"] is None and none["n"] == 0 and none["note"] == "one value only"
    wrong = label_rows([target], np.arange(200), lambda _: (vectors, present), {"kind": lambda v: -v})
    assert wrong[0]["by"] == "head" and wrong[0]["accuracy"] < 0.3
    nobody = label_rows([target], np.arange(200), lambda _: (vectors, np.zeros(200, dtype=bool)))
    assert nobody[0]["accuracy"] is None and "can be judged" in nobody[0]["note"]


def test_macro_f1_counts_classes_the_same():
    right = np.array([0, 0, 0, 1])
    assert macro_f1(right, right) == 1
    # All in the frequent class: F1 of 6/7 there, 0 in the other.
    assert macro_f1(np.zeros(4, dtype=np.int64), right) == pytest.approx(3 / 7)
    assert probe(np.eye(2), np.array([0, 1]), 2, np.eye(2)).argmax(1).tolist() == [0, 1]
