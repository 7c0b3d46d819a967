"""Tiny random models saved to disk, and tiny data to train students on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from chiasm_encoders import Waveform, load_encoder
from chiasm_encoders.audio.sound_grid import SoundGrid
from chiasm_encoders.distil import (
    AudioStudentConfig,
    GridTeaching,
    ImageStudentConfig,
    TextTeaching,
    train_audio_student,
    train_image_student,
    untrained_query_student,
)
from chiasm_encoders.image.picture_grid import PictureGrid
from chiasm_encoders.nets.grid_net import GridShape
from chiasm_encoders.testing.tiny_bert import write_tiny_bert
from chiasm_encoders.testing.toy import toy_clips, toy_drawings, toy_supervision
from chiasm_encoders.text.student_tokens import student_tokenizer, vocabulary_texts
from chiasm_encoders.text.students import TextShape


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def sentence_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _sentence_model(tmp_path_factory, "mean")


@pytest.fixture(scope="session")
def text_student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Its answers differ; those of other random weights are nearly one vector.
    lettered = write_tiny_bert(tmp_path_factory.mktemp("lettered"))
    teacher = load_encoder(f"sentence-transformers:{lettered}", device="cpu")
    texts = ["abc", "cab bca", "a b c"]
    tokenizer = student_tokenizer(teacher, texts)
    tokens = teacher.encode(vocabulary_texts(tokenizer))
    teaching = TextTeaching(texts, [teacher.encode(texts)], tokenizer, tokens, teacher.fingerprint)
    shape = TextShape(kind="transformer", width=8, hidden=16, layers=1, heads=2)
    return untrained_query_student(shape, teaching, tmp_path_factory.mktemp("student") / "text")


@pytest.fixture(scope="session")
def unusual_sentence_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _sentence_model(tmp_path_factory, "max")


def _sentence_model(tmp_path_factory: pytest.TempPathFactory, pooling: str) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    plain, whole = tmp_path_factory.mktemp("bert"), tmp_path_factory.mktemp("sentence")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    words += ["##" + letter for letter in "abcdefghijklmnopqrstuvwxyz"]
    (plain / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(config).save_pretrained(plain)
    BertTokenizerFast(vocab_file=str(plain / "vocab.txt")).save_pretrained(plain)
    transformer = Transformer(str(plain), max_seq_length=32)
    SentenceTransformer(modules=[transformer, Pooling(16, pooling_mode=pooling)], device="cpu").save(
        str(whole)
    )
    return whole


@pytest.fixture(scope="session")
def open_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import open_clip

    folder = tmp_path_factory.mktemp("open_clip")
    tower = {"layers": 1, "width": 32}
    config = {
        "model_cfg": {
            "embed_dim": 16,
            "vision_cfg": {**tower, "image_size": 32, "patch_size": 16, "head_width": 16},
            "text_cfg": {**tower, "context_length": 16, "vocab_size": 49408, "heads": 2},
        },
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return folder


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    folder = tmp_path_factory.mktemp("clap")
    audio = {
        "num_mel_bins": 16, "spec_size": 64, "window_size": 4, "patch_size": 2, "patch_stride": 2,
        "freq_ratio": 2,
        "hidden_size": 32, "patch_embeds_hidden_size": 16, "depths": [1, 1], "num_hidden_layers": 2,
        "num_attention_heads": [2, 2], "projection_dim": 16, "enable_fusion": False,
    }  # fmt: skip
    text = {
        "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "projection_dim": 16,
    }  # fmt: skip
    torch.manual_seed(0)
    ClapModel(ClapConfig(audio_config=audio, text_config=text, projection_dim=16)).save_pretrained(folder)
    ClapFeatureExtractor(
        feature_size=16, sampling_rate=8000, hop_length=128, max_length_s=1, fft_window_size=256,
        frequency_max=4000, truncation="rand_trunc",
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return ["dog", "a bell that rings", "the old clock on the wall ticks and ticks all night long"]


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    drawn = [np.full(shape, 255, np.uint8) for shape in ((40, 40, 3), (30, 60, 3), (70, 20, 3))]
    drawn[0][10:30, 10:30] = (200, 30, 30)
    drawn[1][5:25, 10:20] = (30, 200, 30)
    drawn[2][:, 8:12] = (30, 30, 200)
    return drawn


def tone(hz: float, seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hz * time) * (1 + 0.3 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


@pytest.fixture(scope="session")
def sounds() -> list[Waveform]:
    return [
        Waveform(tone(220, 0.2, 8000), 8000),
        Waveform(tone(880, 1.3, 22050), 22050),
        Waveform(np.random.default_rng(0).normal(0, 0.2, 44100 * 3).astype(np.float32), 44100),
    ]


TINY = {"widths": (8, 16), "batch": 8, "epochs": 3, "graph_dim": 8, "instance_dim": 8, "warmup_steps": 2}
TINY_IMAGE = ImageStudentConfig(size=32, **TINY)
TINY_AUDIO = AudioStudentConfig(mels=16, window=256, hop=128, **TINY)


@pytest.fixture(scope="session")
def image_student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("image-student")
    options = {"seed": 0, "out": out, "report": lambda *_: None, "stop": lambda: False}
    return train_image_student(toy_drawings(24), toy_supervision(24), TINY_IMAGE, **options)


@pytest.fixture(scope="session")
def audio_student_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("audio-student")
    options = {"seed": 0, "out": out, "report": lambda *_: None, "stop": lambda: False}
    return train_audio_student(toy_clips(24), 8000, toy_supervision(24), TINY_AUDIO, **options)


class _Told(GridTeaching):
    """A teacher's word for any item, by what is kept of it: a fixed projection."""

    def said(self, items: list) -> np.ndarray:
        waves = [item.samples if isinstance(item, Waveform) else item for item in items]
        return project(self.grid.kept(waves))


def project(kept: np.ndarray) -> np.ndarray:
    flat = kept.astype(np.float32).reshape(len(kept), -1)
    flat = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True) + 1e-3)
    turn = np.random.default_rng(0).normal(size=(flat.shape[1], 12)).astype(np.float32)
    found = flat @ turn
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def grid_teaching(modality: str) -> GridTeaching:
    if modality == "image":
        grid = PictureGrid(32)
        kept = grid.kept(list(toy_drawings(48)))
    else:
        grid = SoundGrid(sample_rate_hz=8000, clip_s=1.0, mels=16, window=256, hop=128)
        draw = np.random.default_rng(3)
        kept = grid.kept([tone(hz, 1.0, 8000) for hz in np.exp(draw.uniform(5.0, 8.0, 48))])
    return _Told(modality, grid, kept, project(kept), "0" * 64, f"toy {modality}")


@pytest.fixture(scope="session")
def onnx_image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = GridShape(kind="residual", widths=(8, 16), cell_channels=4, hidden=16)
    return untrained_query_student(shape, grid_teaching("image"), tmp_path_factory.mktemp("onnx-image") / "s")


@pytest.fixture(scope="session")
def onnx_audio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = GridShape(
        kind="residual", widths=(8, 16), stem_stride=2, cell_channels=4, cells=(4, 1), hidden=16
    )
    return untrained_query_student(shape, grid_teaching("audio"), tmp_path_factory.mktemp("onnx-audio") / "s")
