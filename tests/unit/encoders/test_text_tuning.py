import dataclasses
import sys

import numpy as np
import pytest
import torch

from chiasm_encoders import SupervisionError, TrainingStopped, load_encoder
from chiasm_encoders.distil import TextTuningConfig, Wording, tune_text_encoder
from chiasm_encoders.distil.text import _groups
from chiasm_encoders.distil.text_layers import TunedLayers, write_tuned
from chiasm_encoders.errors import EncoderInputError, MissingPackageError
from chiasm_encoders.testing.tiny_bert import write_tiny_bert

SIDES = ("abc", "pqr")
CONFIG = TextTuningConfig(steps=12, batch=16, phrases=3, learning_rate=3e-3, device="cpu")


@pytest.fixture(scope="module")
def lettered(tmp_path_factory):
    return write_tiny_bert(tmp_path_factory.mktemp("lettered"))


def wording(entities: int = 24, words: int = 4) -> Wording:
    """Words of one side's letters stand beside one half of the entities, the other side's beside the rest."""
    draw = np.random.default_rng(0)
    named = [["".join(draw.choice(list(SIDES[e % 2]), 4)) for _ in range(words)] for e in range(entities)]
    texts = sorted({word for some in named for word in some})
    rows = [sorted({texts.index(word) for word in some}) for some in named]
    offsets = np.cumsum([0] + [len(r) for r in rows])
    flat = np.concatenate(rows)
    return Wording(texts, flat, np.repeat(np.arange(entities), np.diff(offsets)), (offsets, flat))


def tune(folder, out, config=CONFIG, stop=lambda: False, seed=0, table=None):
    return tune_text_encoder(
        f"sentence-transformers:{folder}",
        table or wording(),
        config,
        seed=seed,
        out=out,
        report=lambda ratio, losses: None,
        stop=stop,
    )


def apart(encoder) -> float:
    """Cosine of unknown words of one side less that of words of both sides."""
    vectors = encoder.encode(["aabb", "ccab", "ppqq", "rrpq"])
    cosines = vectors @ vectors.T
    return float(cosines[0, 1] + cosines[2, 3] - cosines[0, 2] - cosines[1, 3])


def test_unknown_words_come_to_lie_by_meaning(tmp_path, lettered):
    out = tune(lettered, tmp_path / "text")
    before = load_encoder(f"sentence-transformers:{lettered}", device="cpu")
    after = load_encoder(f"student:{out}", device="cpu")
    assert after.modality == "text" and after.dim == before.dim
    assert after.fingerprint != before.fingerprint
    assert apart(after) > apart(before) + 0.05


def test_stopped_and_resumed_ends_where_an_unbroken_run_does(tmp_path, lettered):
    whole = tune(lettered, tmp_path / "whole")
    left = iter([False] * 5)
    with pytest.raises(TrainingStopped):
        tune(lettered, tmp_path / "broken", stop=lambda: next(left, True))
    again = tune(lettered, tmp_path / "broken")
    stamps = {load_encoder(f"student:{out}", device="cpu").fingerprint for out in (whole, again)}
    assert len(stamps) == 1
    assert not (again / "checkpoint.safetensors").exists()
    # Finished: not done a second time.
    assert tune(lettered, tmp_path / "whole", stop=lambda: True) == whole


@pytest.mark.parametrize("rank", [0, 2])
def test_low_rank_updates_are_part_of_the_weights(tmp_path, lettered, rank):
    layers = TunedLayers.open(lettered, 1, 32, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in layers.weights().items()}
    if rank:
        layers.learn_updates(rank, 4, seed=0)
    learning = [one for one in layers.trained.parameters() if one.requires_grad]
    with torch.no_grad():
        for tensor in learning:
            tensor.add_(0.1 * torch.randn_like(tensor))
    changed = {name: tensor - before[name] for name, tensor in layers.weights().items()}
    assert changed.keys() == before.keys()
    matrices = [change for name, change in changed.items() if name.endswith("dense.weight")]
    assert all(change.abs().sum() > 0 for change in matrices)
    ranks = {int(torch.linalg.matrix_rank(change, atol=1e-4)) for change in matrices}
    assert ranks == {rank} if rank else min(ranks) > 2
    norms = [change for name, change in changed.items() if "LayerNorm" in name or name.endswith("bias")]
    assert all((change.abs().sum() > 0) == (rank == 0) for change in norms)
    # And the folder says what the model says.
    layers.read(["ab", "pq r"])
    write_tuned(tmp_path / "text", lettered, layers, "run")
    mine = layers.encode(np.array([0, 1])).detach().numpy()
    theirs = load_encoder(f"student:{tmp_path / 'text'}", device="cpu").encode(["ab", "pq r"])
    assert np.sum(mine * theirs, axis=1) == pytest.approx(1, abs=2e-2)


def test_low_rank_updates_learn_and_resume(tmp_path, lettered):
    config = dataclasses.replace(CONFIG, lora_rank=4, learning_rate=3e-2)
    out = tune(lettered, tmp_path / "text", config)
    before = load_encoder(f"sentence-transformers:{lettered}", device="cpu")
    after = load_encoder(f"student:{out}", device="cpu")
    assert apart(after) > apart(before) + 0.05
    left = iter([False] * 5)
    with pytest.raises(TrainingStopped):
        tune(lettered, tmp_path / "broken", config, stop=lambda: next(left, True))
    again = tune(lettered, tmp_path / "broken", config)
    assert load_encoder(f"student:{again}", device="cpu").fingerprint == after.fingerprint


def test_lower_layers_move_less(lettered):
    rates = [group["lr"] for group in _groups(TunedLayers.open(lettered, 0, 32, torch.device("cpu")), CONFIG)]
    assert len(rates) > 1 and set(rates) == {CONFIG.learning_rate}
    config = dataclasses.replace(CONFIG, layer_decay=0.5)
    rates = [group["lr"] for group in _groups(TunedLayers.open(lettered, 0, 32, torch.device("cpu")), config)]
    assert rates[-1] == config.learning_rate and rates[-2] == config.learning_rate / 2


@pytest.mark.parametrize("wrong", [{"lora_rank": -1}, {"lora_alpha": 0}, {"layer_decay": 1.5}])
def test_what_cannot_be_is_refused(tmp_path, lettered, wrong):
    with pytest.raises(EncoderInputError, match=next(iter(wrong))):
        tune(lettered, tmp_path / "text", dataclasses.replace(CONFIG, **wrong))


def test_without_peft_it_is_said(tmp_path, lettered, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingPackageError, match="peft"):
        tune(lettered, tmp_path / "text", dataclasses.replace(CONFIG, lora_rank=4))


def test_nothing_to_tune(tmp_path, lettered):
    few = wording(entities=2, words=2)
    assert tune(lettered, tmp_path / "few", table=few) is None
    config = TextTuningConfig(steps=0)
    assert tune(lettered, tmp_path / "no-steps", config) is None
    other = tune_text_encoder(
        "hash:16", wording(), CONFIG, seed=0, out=tmp_path, report=lambda r, v: None, stop=lambda: False
    )
    assert other is None


def test_layers_say_what_the_model_says(lettered):
    layers = TunedLayers.open(lettered, 0, 32, torch.device("cpu"))
    texts = ["ab", "a longer text", "z"]
    layers.read(texts)
    found = layers.encode(np.array([2, 0, 1])).detach().numpy()
    encoder = load_encoder(f"sentence-transformers:{lettered}", device="cpu")
    assert np.sum(found * encoder.encode(["z", "ab", "a longer text"]), axis=1) == pytest.approx(1, abs=1e-2)


def test_a_phrase_that_holds_the_word_is_not_beside_it():
    table = Wording(
        ["cat", "Cat food", "dog", "a"], np.array([0]), np.array([0]), (np.array([0, 4]), np.arange(4))
    )
    assert table.beside(0).tolist() == [2]
    assert not len(
        Wording(["cat", "cats"], np.array([0]), np.array([0]), (np.array([0, 2]), np.arange(2)))
        .telling()
        .word
    )


@pytest.mark.parametrize(
    ("word", "entity", "offsets"),
    [([0, 1], [0], [0, 1]), ([9], [0], [0, 1]), ([0], [3], [0, 1]), ([0], [0], [0, 2])],
)
def test_arrays_that_do_not_fit_are_refused(word, entity, offsets):
    with pytest.raises(SupervisionError):
        Wording(["a", "b"], np.array(word), np.array(entity), (np.array(offsets), np.array([0])))
