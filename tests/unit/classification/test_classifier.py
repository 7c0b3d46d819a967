"""Labels by words and by examples: who wins, how sure, and what is told where nothing can be said."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.unit.search.conftest import (
    IMAGE_SPEC,
    TEXT_SPEC,
    ColourEncoder,
    Home,
    MeanFusion,
    WordEncoder,
    open_home,
)

from chiasm.classification import Classifier, ClassifyRequest
from chiasm.classification.temperature import chances, fitted_temperature, left_out_scores
from chiasm.errors import ChiasmError, InputError, NotFoundError, UsageError
from chiasm.search import Part

FRUIT = ["apple pie", "apple tree", "apple juice", "apple cake"]
CARS = ["fast car", "red car", "car race", "old car"]


def fill(home: Home) -> None:
    for number, text in enumerate(FRUIT):
        home.entity(f"f:{number}", texts=[text], levels=[10], kind="fruit", tags=["eaten", "sold"], year=1)
    for number, text in enumerate(CARS):
        home.entity(f"c:{number}", texts=[text], levels=[90], kind="car", tags=["sold"], year=1)
    home.entity("n:0", kind="nothing")


@pytest.fixture(params=["late", "fused"])
def home(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Home]:
    home = open_home(tmp_path)
    home.space("text", WordEncoder(), TEXT_SPEC)
    home.space("image", ColourEncoder(), IMAGE_SPEC)
    if request.param == "fused":
        home.space("fused", MeanFusion(), None)
    fill(home)
    if request.param == "fused":
        home.promote()
    yield home
    home.catalog.close()


def ask(home: Home, parts: list[Part], **asked: Any) -> dict[str, Any]:
    classifier = Classifier(home.searcher, home.models)  # type: ignore[arg-type]
    return classifier.classify(home.workspace, ClassifyRequest(parts, **asked))


def text(words: str) -> list[Part]:
    return [Part("text", words)]


def test_by_what_labels_say(home: Home) -> None:
    answer = ask(home, text("a car"), labels=["apple", "car", "moon"])
    assert answer["labels"][0]["label"] == "car"
    assert answer["method"] == "zero-shot" and not answer["calibrated"]
    assert any("not calibrated" in warning for warning in answer["warnings"])
    assert sum(one["probability"] for one in answer["labels"]) == pytest.approx(1, abs=1e-4)
    scores = [one["score"] for one in answer["labels"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "asked",
    [
        {"by": "kind", "labels": ["fruit", "car"]},
        {"examples": {"fruit": ["f:0", "f:1", "f:2"], "car": ["c:0", "c:1", "c:2"]}},
    ],
    ids=["attribute", "keys"],
)
def test_by_entities_that_have_the_label(home: Home, asked: dict[str, Any]) -> None:
    answer = ask(home, text("apple"), **asked)
    first, second = answer["labels"]
    assert (first["label"], second["label"]) == ("fruit", "car")
    assert first["examples"] >= 3 and first["probability"] > 0.5
    assert answer["method"] == "prototypes" and answer["calibrated"]
    assert answer["accuracy"] >= 0.8 and answer["temperature"] > 0


def test_a_picture_and_a_list_of_labels(home: Home) -> None:
    seen = [Part("image", np.full((4, 4, 3), 90, np.uint8))]
    answer = ask(home, seen, examples={"fruit": ["f:0", "f:1"], "car": ["c:0", "c:1"]})
    assert answer["labels"][0]["label"] == "car"
    tags = ask(home, text("apple pie"), by="tags")
    assert [one["label"] for one in tags["labels"]] == ["eaten", "sold"]
    assert [one["examples"] for one in tags["labels"]] == [4, 8]


def test_one_example_each_is_not_calibrated(home: Home) -> None:
    answer = ask(home, text("apple"), examples={"fruit": ["f:0"], "car": ["c:0"]})
    assert answer["labels"][0]["label"] == "fruit"
    assert not answer["calibrated"] and answer["accuracy"] is None


def test_what_examples_look_like_is_kept_until_something_changes(home: Home) -> None:
    asked = {"by": "kind", "labels": ["fruit", "car"]}
    first = ask(home, text("apple"), **asked)
    assert ask(home, text("apple"), **asked)["labels"] == first["labels"]
    assert sum(name[0] == "classify" for name in home.searcher.state(home.workspace).derived) == 2
    home.entity("f:9", texts=["pear"], kind="fruit")
    again = ask(home, text("apple"), **asked)
    assert {one["label"]: one["examples"] for one in again["labels"]} == {"fruit": 5, "car": 4}
    for number in range(10):
        ask(home, text("apple"), examples={"a": ["f:0"], f"b{number}": ["c:0"]})
    assert sum(name[0] == "classify" for name in home.searcher.state(home.workspace).derived) == 16


def test_a_modality_without_an_encoder_gives_a_warning(home: Home) -> None:
    from chiasm_encoders import Waveform

    sound = [Part("audio", Waveform(np.zeros(8, np.float32), 8000))]
    answer = ask(home, sound, by="kind", labels=["fruit", "car"])
    assert answer["labels"] == [] and "audio encoder" in answer["warnings"][0]


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"labels": ["one"]}, UsageError, "no choice"),
        ({}, UsageError, "no choice"),
        ({"labels": ["a", "a"]}, UsageError, "twice"),
        ({"labels": ["a", " "]}, UsageError, "empty"),
        ({"labels": [str(n) for n in range(1001)]}, UsageError, "1,001"),
        ({"by": "kind", "examples": {"a": ["f:0"]}}, UsageError, "both"),
        ({"examples": {"a": ["f:0"], "b": []}}, UsageError, "no example"),
        ({"labels": ["a", "c"], "examples": {"a": ["f:0"], "b": ["f:1"]}}, UsageError, "'c'"),
        ({"by": "weight"}, NotFoundError, "weight"),
        ({"by": "year"}, UsageError, "one label"),
        ({"by": "kind", "labels": ["fruit", "boat"]}, NotFoundError, "boat"),
        ({"examples": {"a": ["f:0"], "b": ["f:99"]}}, NotFoundError, "f:99"),
        ({"examples": {"a": ["f:0"], "b": ["n:0"]}}, InputError, "'b'"),
    ],
)
def test_wrong_questions(home: Home, asked: dict[str, Any], error: type[ChiasmError], says: str) -> None:
    with pytest.raises(error) as raised:
        ask(home, text("apple"), **asked)
    assert says in str(raised.value) and raised.value.remedy


def test_before_the_first_release_words_and_pictures_have_no_common_space(tmp_path: Any) -> None:
    home = open_home(tmp_path)
    home.space("text", WordEncoder(), TEXT_SPEC)
    home.space("image", ColourEncoder(), IMAGE_SPEC)
    fill(home)
    answer = ask(home, [Part("image", np.full((4, 4, 3), 90, np.uint8))], labels=["apple", "car"])
    assert answer["labels"] == [] and "chiasm train" in answer["warnings"][0]
    home.catalog.close()


def test_the_temperature_is_that_of_the_data() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(4000, 5))
    label = np.array([draw.choice(5, p=row) for row in chances(logits, 0.3)])
    assert fitted_temperature(logits, label) == pytest.approx(0.3, rel=0.15)
    assert fitted_temperature(logits[:3], label[:3]) is None


def test_who_is_left_out_does_not_vote_for_itself() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    scores, label = left_out_scores(vectors, np.array([0, 0, 1]), 2)
    # The only example of the second label cannot be judged; the first two have nothing in common.
    assert label.tolist() == [0, 0]
    assert scores[:, 0].tolist() == [0.0, 0.0]
