"""The pieces: loading, refusing, resampling, closed forms, losses, views."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

import chiasm_encoders
from chiasm_encoders import (
    EncoderError,
    EncoderInputError,
    SpecError,
    UnsafeWeightsError,
    Waveform,
    WeightsError,
    default_text_spec,
    load_encoder,
    register_encoder,
)
from chiasm_encoders.audio.log_mel import LogMel
from chiasm_encoders.audio.windows import windows
from chiasm_encoders.batches import length_batches
from chiasm_encoders.distil.audio_augment import augment_spectrograms
from chiasm_encoders.distil.image_augment import augment_pictures
from chiasm_encoders.distil.losses.graph_labels import graph_label_loss
from chiasm_encoders.distil.losses.text_bank import teacher_distribution, text_bank_loss
from chiasm_encoders.distil.losses.two_views import two_view_loss
from chiasm_encoders.image.descriptor import DetailProjection, ShapeColourDescriptor
from chiasm_encoders.image.preprocess import square_picture
from chiasm_encoders.nets.kernel_ridge import KernelRidge
from chiasm_encoders.testing import HashEncoder


def test_exported_names_are_sorted_and_real():
    assert chiasm_encoders.__all__ == sorted(chiasm_encoders.__all__)
    assert all(hasattr(chiasm_encoders, name) for name in chiasm_encoders.__all__)


def test_import_brings_nothing_heavy():
    heavy = "{'torch', 'transformers', 'open_clip', 'timm', 'sentence_transformers'}"
    code = f"import sys, chiasm_encoders; sys.exit(bool({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
    )


def test_default_text_spec_names_no_path():
    assert default_text_spec() == "sentence-transformers:all-MiniLM-L6-v2"


@pytest.mark.parametrize("spec", ["", "nobody:x", "student", "student:", "hash:smell/3", "hash:text/x"])
def test_unknown_specs_are_refused_with_the_known_ones(spec):
    with pytest.raises(SpecError) as caught:
        load_encoder(spec)
    assert caught.value.remedy


def test_one_line_registers_an_encoder():
    register_encoder("mine", lambda what, device: HashEncoder("text", int(what)))
    assert load_encoder("mine:7").dim == 7


@pytest.mark.parametrize("family", ["sentence-transformers", "open_clip-image", "open_clip-text", "clap"])
def test_pickled_weights_are_refused_with_the_remedy(family, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(UnsafeWeightsError, match="chiasm models convert"):
        load_encoder(f"{family}:{tmp_path}")


def test_a_pickle_beside_another_modules_weights_is_refused(sentence_folder, tmp_path):
    import shutil

    folder = shutil.copytree(sentence_folder, tmp_path / "model")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(UnsafeWeightsError):
        load_encoder(f"sentence-transformers:{folder}")


def test_open_clip_file_of_a_named_model_must_be_safetensors(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"never read")
    with pytest.raises(UnsafeWeightsError):
        load_encoder(f"open_clip-image:RN50/{tmp_path / 'weights.pt'}")
    with pytest.raises(SpecError):
        load_encoder("open_clip-image:no-such-model/openai")


@pytest.mark.parametrize("spec", ["sentence-transformers:/no/where", "clap:./no/where", "student:/no/where"])
def test_missing_folders_are_named(spec):
    with pytest.raises(WeightsError, match="no/where"):
        load_encoder(spec)


def test_a_damaged_student_is_found(image_student_folder, tmp_path):
    import shutil

    folder = shutil.copytree(image_student_folder, tmp_path / "student")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        load_encoder(f"student:{folder}")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format": "chiasm-student-0"}))
    with pytest.raises(WeightsError, match="version"):
        load_encoder(f"student:{folder}")


def test_fingerprints_follow_the_weights(image_student_folder, audio_student_folder, sentence_folder):
    specs = [f"student:{image_student_folder}", f"student:{audio_student_folder}"]
    specs.append(f"sentence-transformers:{sentence_folder}")
    stamps = [load_encoder(spec, device="cpu").fingerprint for spec in specs]
    assert len(set(stamps)) == 3
    assert stamps == [load_encoder(spec, device="cpu").fingerprint for spec in specs]


def test_errors_survive_another_process():
    error = pickle.loads(pickle.dumps(WeightsError("gone", where="here", remedy="look")))
    assert isinstance(error, EncoderError)
    assert (str(error), error.what, error.where, error.remedy) == (
        "here: gone (look)",
        "gone",
        "here",
        "look",
    )


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 2)), np.array([np.nan])])
def test_waveforms_are_checked(samples):
    with pytest.raises(EncoderInputError):
        Waveform(samples.astype(np.float32), 8000)
    with pytest.raises(EncoderInputError):
        Waveform(np.zeros(3, np.float32), 0)


def test_resampling_keeps_the_pitch():
    time = np.arange(44100) / 44100
    wave = Waveform(np.sin(2 * np.pi * 1000 * time).astype(np.float32), 44100).resampled(16000)
    assert wave.sample_rate_hz == 16000
    assert wave.duration_s == pytest.approx(1, abs=0.01)
    assert np.abs(np.fft.rfft(wave.samples)).argmax() == pytest.approx(1000, abs=12)


def test_a_tone_lights_its_band():
    time = torch.arange(16000) / 16000
    low, high = (
        LogMel(16000, mels=32, window=512, hop=160)(torch.sin(6.2832 * hz * time)[None]) for hz in (300, 3000)
    )
    assert low.shape == (1, 32, 101)
    assert low.mean(2).argmax() < high.mean(2).argmax()


@pytest.mark.parametrize(
    ("samples", "count", "length"), [(1, 1, 8), (9, 1, 12), (40, 1, 40), (41, 2, 40), (200, 5, 40)]
)
def test_windows_cover_a_sound(samples, count, length):
    cut = windows(np.arange(samples, dtype=np.float32), 40, 4)
    assert [len(piece) for piece in cut] == [length] * count
    assert set(np.concatenate(cut)) == set(range(samples))


def test_length_batches_keep_within_their_cells():
    lengths = [3, 50, 7, 7, 200, 1]
    pieces = list(length_batches(lengths, 100))
    assert sorted(np.concatenate(pieces)) == list(range(6))
    assert all(len(piece) == 1 or len(piece) * max(lengths[i] for i in piece) <= 100 for piece in pieces)


@pytest.mark.parametrize("shape", [(10, 30, 3), (30, 10, 3), (64, 64, 3), (200, 100, 3), (1, 1, 3)])
def test_pictures_become_square_without_cropping(shape):
    square = square_picture(np.full(shape, 90, np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert (square == 90).all()


def test_left_out_predictions_equal_refitting():
    torch.manual_seed(0)
    x, t = torch.randn(12, 5), torch.randn(12, 3)
    whole = KernelRidge(5, 12, 3)
    left_out = whole.fit(x, t, torch.arange(12), ridge=0.1)
    kernel = torch.exp(-whole.inverse_width2 * torch.cdist(x, x).square())
    for item in range(12):
        rest = [i for i in range(12) if i != item]
        alpha = torch.linalg.solve(kernel[rest][:, rest] + 0.1 * torch.eye(11), t[rest])
        torch.testing.assert_close(left_out[item], kernel[item, rest] @ alpha, atol=1e-4, rtol=1e-3)


def test_fewer_landmarks_come_near_to_all():
    torch.manual_seed(0)
    x = torch.rand(200, 2)
    t = torch.stack([x[:, 0].sin(), x[:, 1] ** 2], 1)
    few = KernelRidge(2, 40, 2)
    few.fit(x, t, torch.arange(0, 200, 5), ridge=0.01)
    assert (few(x) - t).abs().mean() < 0.03


def test_recoloured_pictures_stay_themselves():
    random = np.random.default_rng(0)
    pictures = torch.ones(20, 3, 64, 64)
    for picture in pictures:
        for _ in range(3):
            y, x, h, w = random.integers(4, 40, 2).tolist() + random.integers(6, 20, 2).tolist()
            picture[:, y : y + h, x : x + w] = torch.tensor([1.0, 0.8, 0.2])[:, None, None]
    darker = torch.where(pictures < 1, pictures * 0.6, pictures)
    detail = DetailProjection(64, 0.3)
    detail.fit(pictures)
    assert ((detail(darker) @ detail(pictures).T).argmax(1) == torch.arange(20)).all()


def test_descriptors_are_finite_on_a_blank_picture():
    described = ShapeColourDescriptor().fit(torch.ones(1, 3, 64, 64))
    assert described.shape == (1, ShapeColourDescriptor.width)
    assert torch.isfinite(described).all()


def test_views_keep_shape_and_range():
    torch.manual_seed(0)
    pictures = torch.rand(6, 3, 32, 32)
    views = augment_pictures(pictures, strength=1, mirror=0.5)
    assert views.shape == pictures.shape
    assert views.min() >= 0
    assert views.max() <= 1
    torch.testing.assert_close(augment_pictures(pictures, strength=0, mirror=0), pictures)
    assert augment_spectrograms(torch.randn(4, 16, 50), 30, strength=1).shape == (4, 16, 30)


def test_losses_are_least_where_they_should_be():
    bank = torch.eye(4)
    wanted, told = teacher_distribution(bank, bank, 0.1), torch.ones(4)
    right = text_bank_loss(bank, bank, wanted, told, 0.1)
    assert right < text_bank_loss(bank.roll(1, 0), bank, wanted, told, 0.1)
    assert text_bank_loss(bank, bank, wanted, torch.zeros(4), 0.1) == 0
    assert two_view_loss(bank, bank, 0.1) < two_view_loss(bank, bank.roll(1, 0), 0.1)
    shares = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert graph_label_loss(torch.tensor([[5.0, -5.0], [0.0, 0.0]]), shares) == pytest.approx(0, abs=1e-3)
