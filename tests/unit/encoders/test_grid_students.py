"""Students of pictures and sounds imitate, resume exactly, are exported truly, and take what queries may be."""

import json

import numpy as np
import pytest
from tests.unit.encoders.conftest import grid_teaching, tone

from chiasm_encoders import (
    EncoderInputError,
    SpecError,
    TrainingStopped,
    Waveform,
    WeightsError,
    load_encoder,
)
from chiasm_encoders.audio.sound_grid import SoundGrid
from chiasm_encoders.distil import (
    LADDERS,
    GridImitationConfig,
    picture_views,
    sound_views,
    train_query_student,
    untrained_query_student,
)
from chiasm_encoders.nets.grid_net import GridShape, build_grid_net
from chiasm_encoders.testing.toy import toy_drawings

SMALL = {"widths": (8, 16), "cell_channels": 4, "hidden": 16}
SHAPES = {
    "image": GridShape(kind="residual", **SMALL),
    "audio": GridShape(kind="residual", stem_stride=2, cells=(4, 1), **SMALL),
}
CONFIG = GridImitationConfig(
    max_steps=40, epochs=40, batch=16, warmup_steps=2, learning_rate=1e-2, ema=0.9, device="cpu"
)


@pytest.fixture(scope="module", params=["image", "audio"])
def teaching(request):
    return grid_teaching(request.param)


def train(teaching, out, stop=lambda: False, seed=0):
    return train_query_student(
        SHAPES[teaching.modality], teaching, CONFIG, seed=seed, out=out, report=lambda *_: None, stop=stop
    )


def items_of(modality):
    if modality == "image":
        return list(toy_drawings(12))
    return [Waveform(tone(hz, 1.0, 8000), 8000) for hz in (200, 700, 2000, 210, 690, 1900)]


def test_a_student_comes_to_say_what_its_teacher_says(teaching, tmp_path):
    shape, items = SHAPES[teaching.modality], items_of(teaching.modality)
    before = load_encoder(f"student:{untrained_query_student(shape, teaching, tmp_path / 'before')}")
    after = load_encoder(f"student:{train(teaching, tmp_path / 'after')}")
    kept = teaching.grid.kept([item.samples for item in items] if teaching.modality == "audio" else items)
    assert kept.shape[1:] == teaching.views.shape[1:]
    wanted = teaching.said(items)
    near = [(encoder.encode(items) * wanted).sum(1).mean() for encoder in (before, after)]
    assert 1 - near[1] < 0.7 * (1 - near[0])
    assert (after.dim, after.modality) == (teaching.dim, teaching.modality)
    assert after.teacher == teaching.teacher
    config = json.loads((tmp_path / "after/config.json").read_text())
    assert config["export"]["difference"] < 1e-3 and config["export"]["cosine"] > 0.9
    assert not (tmp_path / "after/tokenizer.json").exists()


def test_stopped_and_resumed_equals_one_run(teaching, tmp_path):
    whole = train(teaching, tmp_path / "whole")
    asked = iter([False] * 5 + [True])
    with pytest.raises(TrainingStopped):
        train(teaching, tmp_path / "parts", stop=lambda: next(asked))
    parts = train(teaching, tmp_path / "parts")
    items = items_of(teaching.modality)
    first, second = (load_encoder(f"student:{out}").encode(items) for out in (whole, parts))
    assert np.array_equal(first, second)
    # Finished: not done a second time.
    assert train(teaching, tmp_path / "whole", stop=lambda: True) == whole


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b"none"),
        ("config.json", b"{}"),
        ("config.json", b'{"format": "chiasm-onnx-1", "modality": "smell"}'),
        ("config.json", b'{"format": "chiasm-onnx-1", "modality": ["image"]}'),
    ],
)
def test_a_damaged_student_is_an_error(name, content, teaching, tmp_path):
    folder = untrained_query_student(SHAPES[teaching.modality], teaching, tmp_path / "student")
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsError) as raised:
        load_encoder(f"student:{folder}")
    assert raised.value.remedy


@pytest.mark.parametrize("entry", [None, {}, {"size": "large"}, {"sample_rate_hz": 8000}, 7])
def test_a_student_that_says_nothing_of_its_input_is_an_error(entry, teaching, tmp_path):
    folder = untrained_query_student(SHAPES[teaching.modality], teaching, tmp_path / "student")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "input": entry}))
    with pytest.raises(WeightsError):
        load_encoder(f"student:{folder}")


def test_odd_pictures_and_sounds_have_vectors_too(teaching, tmp_path):
    encoder = load_encoder(
        f"student:{untrained_query_student(SHAPES[teaching.modality], teaching, tmp_path)}"
    )
    odd = {
        "image": [np.zeros((1, 1, 3), np.uint8), np.full((3, 900, 3), 255, np.uint8)],
        "audio": [
            Waveform(np.zeros(8000, np.float32), 8000),
            Waveform(np.zeros(1, np.float32), 8000),
            Waveform(tone(440, 7.5, 16000), 16000),
        ],
    }[teaching.modality]
    vectors = encoder.encode(odd)
    assert np.isfinite(vectors).all() and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    with pytest.raises(EncoderInputError):
        encoder.encode([odd[0], "no such thing"])


def test_views_are_the_items_and_what_the_seed_draws():
    pictures = toy_drawings(6)
    one, other = (picture_views(pictures, 3, augment=1.0, mixed=0.5, seed=seed) for seed in (0, 1))
    assert one.shape == (18, 32, 32, 3) and one.dtype == np.uint8
    assert np.array_equal(one[:6], pictures) and np.array_equal(other[:6], pictures)
    assert not np.array_equal(one[6:], other[6:])
    assert np.array_equal(one, picture_views(pictures, 3, augment=1.0, mixed=0.5, seed=0))
    waves = np.stack([tone(hz, 1.0, 8000) for hz in (200.0, 700.0)] + [np.zeros(8000, np.float32)])
    heard = sound_views(waves, 4, augment=1.0, mixed=0.5, seed=0)
    assert heard.shape == (12, 8000) and np.array_equal(heard[:3], waves)
    assert np.isfinite(heard).all() and np.abs(heard).max() <= 1
    assert np.array_equal(heard, sound_views(waves, 4, augment=1.0, mixed=0.5, seed=0))
    assert np.array_equal(sound_views(waves, 1, augment=1.0, mixed=0.5, seed=0), waves)


@pytest.mark.parametrize(
    ("lengths", "clip_s", "mels"), [([5.0] * 9 + [60.0], 5.0, 64), ([0.4, 0.6], 1.0, 32), ([3.0], 3.0, 64)]
)
def test_a_window_is_as_long_as_most_recordings(lengths, clip_s, mels):
    found = SoundGrid.of_lengths(lengths, 16_000).settings()
    assert (found["clip_s"], found["mels"]) == (pytest.approx(clip_s, abs=0.01), mels)


def test_no_such_net():
    with pytest.raises(SpecError):
        build_grid_net(GridShape(kind="gru"), 6, 8)
    with pytest.raises(SpecError):
        build_grid_net(GridShape(kind="mobile", architecture="no_such_net"), 6, 8)


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_shapes_have_names_of_their_own_and_grow(modality):
    shapes = LADDERS[modality].shapes
    assert len({shape.name for shape in shapes}) == len(shapes)
    assert LADDERS[modality].kinds == ["residual", "mobile"]
    small = LADDERS[modality].named([shapes[0].name])
    assert small == [shapes[0]] and len(LADDERS[modality].named(["residual"])) > 1
    assert LADDERS[modality].named([]) == list(shapes)
