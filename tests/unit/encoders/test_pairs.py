"""Students that are taught by what belongs together alone."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from chiasm_encoders import SupervisionError, TrainingStopped, Waveform, load_encoder
from chiasm_encoders.distil import (
    AudioStudentConfig,
    ImageStudentConfig,
    PairConfig,
    Pictures,
    Sounds,
    Supervision,
    train_paired_students,
)
from chiasm_encoders.distil.losses.same_entity import same_entity_loss
from chiasm_encoders.testing.toy import toy_clips, toy_drawings

LOOK = ImageStudentConfig(size=32, widths=(8, 16), mirror=0.0, augment=0.5)
SOUND = AudioStudentConfig(mels=16, window=256, hop=128, widths=(8, 16), dropout=0.0, augment=0.5)
PAIR = PairConfig(epochs=3, batch=8, dim=8, warmup_steps=2)
RATE_HZ = 8000


def never():
    return False


def owners(owner, entities, train=None):
    """Nothing but who owns what."""
    flags = np.ones(len(owner), bool) if train is None else train
    nothing = np.zeros(entities + 1, np.int64), np.zeros(0, np.int64)
    return Supervision(np.asarray(owner, np.int64), None, nothing, flags, ~flags)


def taught(out, pictures, sounds, config=PAIR, *, stop=never, seed=0):
    return train_paired_students(
        pictures, sounds, config, seed=seed, out=out, report=lambda *_: None, stop=stop
    )


def of_kinds(count=24, train=None, order=(0, 1, 2)):
    """Drawings and clips of three kinds, one entity a kind."""
    owner = np.array(order)[np.arange(count) % 3]
    seen, heard = owners(owner, 3, train), owners(owner, 3, train)
    return Pictures(toy_drawings(count), seen, LOOK), Sounds(toy_clips(count), RATE_HZ, heard, SOUND)


def of_couples(count=24):
    """A drawing and a clip an entity, and two entities that lack one of them."""
    seen, heard = owners(np.arange(count), count), owners(np.arange(count - 2), count)
    return Pictures(toy_drawings(count), seen, LOOK), Sounds(toy_clips(count - 2), RATE_HZ, heard, SOUND)


def files(folders):
    return [(folder / "model.safetensors").read_bytes() for folder in folders.values()]


def shared(folder, items):
    encoder = load_encoder(f"student:{folder}", device="cpu")
    start, stop = encoder.parts["pair"]
    return functional.normalize(torch.from_numpy(encoder.encode(items)[:, start:stop]), dim=1).numpy()


def test_unseen_sounds_find_unseen_pictures_of_their_kind(tmp_path):
    count, train = 36, np.arange(36) < 24
    config = dataclasses.replace(PAIR, epochs=25)
    folders = taught(tmp_path, *of_kinds(count, train), config)
    seen = shared(folders["image"], list(toy_drawings(count))[24:])
    heard = shared(folders["audio"], [Waveform(clip, RATE_HZ) for clip in toy_clips(count)[24:]])
    kind = np.arange(24, count) % 3
    assert (kind[(heard @ seen.T).argmax(1)] == kind).mean() >= 0.9
    assert (kind[(seen @ heard.T).argmax(1)] == kind).mean() >= 0.9


def test_what_an_entity_is_called_changes_nothing(tmp_path):
    """No output for a class: with the entities numbered anew the same students come out."""
    first = taught(tmp_path / "a", *of_kinds())
    second = taught(tmp_path / "b", *of_kinds(order=(2, 0, 1)))
    for modality, items in (
        ("image", list(toy_drawings(3))),
        ("audio", [Waveform(clip, RATE_HZ) for clip in toy_clips(3)]),
    ):
        config = json.loads((first[modality] / "config.json").read_text())["model"]
        assert config["labels"] == 0 and config["text_dim"] == 0
        np.testing.assert_allclose(shared(first[modality], items), shared(second[modality], items), atol=0.05)


def test_a_picture_and_a_sound_an_entity_are_enough(tmp_path):
    folders = taught(tmp_path, *of_couples())
    assert set(folders) == {"image", "audio"}
    assert all(np.isfinite(shared(folders["image"], list(toy_drawings(2)))).ravel())


def test_stopped_and_resumed_equals_one_run(tmp_path):
    whole = taught(tmp_path / "whole", *of_kinds())
    asked = iter([False, False, True])
    with pytest.raises(TrainingStopped):
        taught(tmp_path / "parts", *of_kinds(), stop=lambda: next(asked))
    assert not (tmp_path / "parts/image/config.json").exists()
    parts = taught(tmp_path / "parts", *of_kinds())
    assert files(parts) == files(whole)
    assert not (parts["image"] / "checkpoint.safetensors").exists()


def test_a_finished_run_is_not_repeated(tmp_path):
    def forbidden():
        raise AssertionError("trained again")

    folders = taught(tmp_path, *of_couples(8))
    assert taught(tmp_path, *of_couples(8), stop=forbidden) == folders


def test_held_out_items_do_not_teach(tmp_path):
    train = np.arange(18) < 12
    pictures, sounds = of_kinds(18, train)
    first = taught(tmp_path / "a", pictures, sounds)
    pictures.images[12:] = 0
    second = taught(tmp_path / "b", pictures, sounds)
    assert files(first) == files(second)


def test_losses_of_text_and_graph_are_added_where_there_are_any(tmp_path):
    pictures, sounds = of_kinds()
    text = np.eye(3, 4, dtype=np.float32)
    told = [dataclasses.replace(one.supervision, targets=text) for one in (pictures, sounds)]
    seen: list[dict[str, float]] = []
    folders = train_paired_students(
        dataclasses.replace(pictures, supervision=told[0]),
        dataclasses.replace(sounds, supervision=told[1]),
        PAIR,
        seed=0,
        out=tmp_path,
        report=lambda _, losses: seen.append(losses),
        stop=never,
    )
    assert set(seen[-1]) == {"image text", "audio text", "pair", "total"}
    columns = json.loads((folders["image"] / "config.json").read_text())["model"]["parts"]
    assert columns["text"] == [0, 4] and columns["pair"] == [4, 12]


@pytest.mark.parametrize(
    ("pictures", "sounds", "says"),
    [
        (owners([0, 1], 3), owners([2, 2], 3), "no entity has both"),
        (owners([0, 1], 2), owners([0, 1], 3), "pictures are of 2 entities, sounds of 3"),
        (owners([0, 1, 1], 3), owners([0, 1], 3), "2 pictures for 3 owners"),
        (owners([0, 1], 3), owners([0], 3), "2 clips for 1 owners"),
        (owners([0, 1], 3, np.array([True, False])), owners([0, 1], 3, np.array([False, True])), "no entity has both"),
    ],
)  # fmt: skip
def test_media_that_do_not_fit_are_refused(tmp_path, pictures, sounds, says):
    with pytest.raises(SupervisionError, match=says):
        taught(
            tmp_path,
            Pictures(toy_drawings(2), pictures, LOOK),
            Sounds(toy_clips(2), RATE_HZ, sounds, SOUND),
        )


def test_with_one_positive_a_row_it_is_info_nce():
    rows, columns = (functional.normalize(torch.randn(5, 4), dim=1) for _ in range(2))
    names = torch.arange(5)
    expected = functional.cross_entropy(rows @ columns.T / 0.2, names)
    assert same_entity_loss(rows, columns, names, names, 0.2).item() == pytest.approx(
        expected.item(), rel=1e-5
    )


def test_all_of_an_entity_count_and_strangers_do_not():
    rows = torch.eye(3)
    # Row 0 has two right columns of three, row 1 one, row 2 none.
    entity = torch.tensor([0, 0, 1])
    columns = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    found = same_entity_loss(rows, columns, torch.tensor([0, 1, 7]), entity, 1.0)
    share = torch.tensor([[1.0, 1, 0], [0, 0, 1]]).log_softmax(1)
    expected = (-(share[0, 0] + share[0, 1]) / 2 - share[1, 2]) / 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert same_entity_loss(rows, columns, torch.tensor([7, 7, 7]), entity, 1.0).item() == 0
    assert same_entity_loss(rows[:0], columns, entity[:0], entity, 1.0).item() == 0


def test_an_item_is_not_its_own_positive():
    rows = functional.normalize(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    entity = torch.tensor([0, 0, 1, 2])
    logits = rows @ rows.T / 0.5
    logits.fill_diagonal_(-1e4)
    share = logits.log_softmax(1)
    expected = -(share[0, 1] + share[1, 0]) / 2
    assert same_entity_loss(rows, rows, entity, entity, 0.5).item() == pytest.approx(
        expected.item(), rel=1e-5
    )
