import json

import numpy as np
import pytest

from chiasm.errors import RecipeError
from chiasm.fusion.manifest import seal_of
from chiasm.training import Snapshot, Stopped, train
from chiasm.training.dataset import Dataset
from chiasm.training.holdout import visible
from chiasm.training.texts import word_table
from chiasm_encoders import load_encoder
from chiasm_encoders.testing.tiny_bert import write_tiny_bert

TUNING = {"encoders__text_tuning": "{steps: 4, batch: 8, device: cpu}"}


@pytest.fixture
def encoder_folder(tmp_path):
    return write_tiny_bert(tmp_path / "encoder")


@pytest.fixture
def stamped(write_snapshot, encoder_folder):
    """A snapshot whose text features the tiny encoder is said to have made."""

    def write(**options):
        folder = write_snapshot(**options)
        meta = json.loads((folder / "meta.json").read_text())
        meta["encoders"]["text"] = load_encoder(f"sentence-transformers:{encoder_folder}").fingerprint
        (folder / "meta.json").write_text(json.dumps(meta | {"sha256": seal_of(meta)}))
        return folder

    return write


def run(snapshot, out, recipe, encoder, stop=lambda: False):
    spec = f"sentence-transformers:{encoder}"
    return train(snapshot, out, recipe, seed=3, report=lambda p: None, stop=stop, text_encoder=spec)


def test_the_release_holds_its_own_text_encoder(tmp_path, stamped, encoder_folder, tiny_recipe):
    run(stamped(), tmp_path / "out", tiny_recipe(**TUNING), encoder_folder)
    release = json.loads((tmp_path / "out" / "release.json").read_text())
    entry = release["encoders"]["text"]
    assert entry["spec"] == "student:text" and entry["dim"] == 16
    assert "text/model.safetensors" in release["files"]
    assert load_encoder(f"student:{tmp_path / 'out' / 'text'}").fingerprint == entry["fingerprint"]


def test_stopped_and_resumed_ends_where_an_unbroken_run_does(tmp_path, stamped, encoder_folder, tiny_recipe):
    folder, recipe = stamped(), tiny_recipe(**TUNING)
    whole = run(folder, tmp_path / "whole", recipe, encoder_folder)
    left = iter([False] * 3)
    with pytest.raises(Stopped):
        run(folder, tmp_path / "broken", recipe, encoder_folder, stop=lambda: next(left, True))
    assert run(folder, tmp_path / "broken", recipe, encoder_folder).fingerprint == whole.fingerprint


@pytest.mark.parametrize("options", [{"without": ("text",)}, {"edges": False}, {"count": 4}])
def test_without_text_or_graph_or_with_few_words(tmp_path, stamped, encoder_folder, tiny_recipe, options):
    run(stamped(**options), tmp_path / "out", tiny_recipe(**TUNING), encoder_folder)
    assert (tmp_path / "out" / "release.json").is_file()


def test_features_of_another_encoder_are_left_alone(tmp_path, write_snapshot, encoder_folder, tiny_recipe):
    run(write_snapshot(), tmp_path / "out", tiny_recipe(**TUNING), encoder_folder)
    release = json.loads((tmp_path / "out" / "release.json").read_text())
    assert release["encoders"]["text"]["fingerprint"] == "t"


def test_unknown_options_are_refused(tmp_path, stamped, encoder_folder, tiny_recipe):
    recipe = tiny_recipe(encoders__text_tuning="{pace: 3}")
    with pytest.raises(RecipeError, match="pace"):
        run(stamped(), tmp_path / "out", recipe, encoder_folder)


def test_words_are_the_names_of_bare_neighbours_that_training_may_use(write_snapshot):
    snapshot = Snapshot.open(write_snapshot())
    data = Dataset.read(snapshot)
    seen = visible(data, ("valid", "test"))
    values = np.array([f"text {row}" for row in range(len(data.features["text"]))], dtype=object)
    texts, words, entities, (offsets, rows) = word_table(
        data, seen, values, snapshot.column("entities", "title")
    )
    named = {(int(e), texts[w]) for e, w in zip(entities, words, strict=True)}
    graph, expected = seen.graph, set()
    for head, tail in zip(graph.heads, graph.tails, strict=True):
        for asset in np.flatnonzero((data.entity == tail) & seen.assets & (data.names == "text")):
            if data.stub[tail]:
                expected.add((int(head), values[data.row[asset]]))
    assert named == expected and expected
    held = {values[data.row[a]] for a in np.flatnonzero(~seen.assets & (data.names == "text"))}
    assert not held & {texts[row] for row in rows}
    assert len(offsets) == data.num_entities + 1


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("face, grin, happy, big smile", {"face", "grin", "happy", "big smile"}),
        ("嘿嘿、笑、脸、牙", {"嘿嘿", "笑", "脸", "牙"}),
        ("a bell, a lamp", set()),
        ("Rings at dawn, at noon, at night, and never on Sundays.", set()),
        ("red, green,, blue, black", set()),
    ],
)
def test_without_named_neighbours_words_are_the_items_of_lists(write_snapshot, text, items):
    snapshot = Snapshot.open(write_snapshot(edges=False))
    data = Dataset.read(snapshot)
    seen = visible(data, ("valid", "test"))
    entity = int(
        data.entity[np.flatnonzero(seen.assets & (data.names == "text") & ~data.stub[data.entity])[0]]
    )
    mine = (data.entity == entity) & seen.assets & (data.names == "text")
    values = np.array([f"text {row}" for row in range(len(data.features["text"]))], dtype=object)
    values[data.row[mine]] = text
    texts, words, entities, (offsets, rows) = word_table(
        data, seen, values, snapshot.column("entities", "title")
    )
    named = {texts[w] for e, w in zip(entities, words, strict=True) if e == entity}
    # Where nobody has a list, all texts are words.
    assert named == (items or {text})
    phrases = {texts[row] for row in rows[offsets[entity] : offsets[entity + 1]]}
    assert phrases == (items or {text})
