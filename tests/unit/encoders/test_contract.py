"""Every encoder passes the contract; a new one without a row here fails the last test."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import pytest

import chiasm_encoders
from chiasm_encoders import Encoder, load_encoder
from chiasm_encoders.audio.clap import ClapAudioEncoder
from chiasm_encoders.audio.onnx_audio import OnnxAudioEncoder
from chiasm_encoders.audio.student import AudioStudentEncoder
from chiasm_encoders.image.onnx_image import OnnxImageEncoder
from chiasm_encoders.image.open_clip_image import OpenClipImageEncoder
from chiasm_encoders.image.student import ImageStudentEncoder
from chiasm_encoders.testing import EncoderContract, HashEncoder
from chiasm_encoders.text.onnx_text import OnnxTextEncoder
from chiasm_encoders.text.open_clip_text import OpenClipTextEncoder
from chiasm_encoders.text.sentence_transformer import BertEncoder, SentenceTransformerEncoder

# Class, how it is named, the fixture of its weights, and the fixture of three items.
_ENCODERS = [
    (BertEncoder, "sentence-transformers:{}", "sentence_folder", "texts"),
    (SentenceTransformerEncoder, "sentence-transformers:{}", "unusual_sentence_folder", "texts"),
    (OnnxTextEncoder, "student:{}", "text_student_folder", "texts"),
    (OpenClipTextEncoder, "open_clip-text:{}", "open_clip_folder", "texts"),
    (OpenClipImageEncoder, "open_clip-image:{}", "open_clip_folder", "pictures"),
    (ClapAudioEncoder, "clap:{}", "clap_folder", "sounds"),
    (ImageStudentEncoder, "student:{}", "image_student_folder", "pictures"),
    (AudioStudentEncoder, "student:{}", "audio_student_folder", "sounds"),
    (OnnxImageEncoder, "student:{}", "onnx_image_folder", "pictures"),
    (OnnxAudioEncoder, "student:{}", "onnx_audio_folder", "sounds"),
    (HashEncoder, "hash:audio/16", None, "sounds"),
]


@pytest.fixture(scope="class", params=_ENCODERS, ids=lambda row: row[0].__name__)
def row(request: pytest.FixtureRequest) -> tuple[type, str, str | None, str]:
    return request.param


@pytest.fixture(scope="class")
def encoder(row: tuple[type, str, str | None, str], request: pytest.FixtureRequest) -> Encoder:
    implementation, spec, folder, _ = row
    request.cls.implementation = implementation
    weights = request.getfixturevalue(folder) if folder else ""
    return load_encoder(spec.format(weights), device="cpu")


@pytest.fixture
def items(row: tuple[type, str, str | None, str], request: pytest.FixtureRequest) -> list[Any]:
    return request.getfixturevalue(row[3])


class TestEveryEncoder(EncoderContract):
    pass


def test_bert_equals_the_library(sentence_folder: Any, texts: list[str]) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(sentence_folder), device="cpu", local_files_only=True)
    wanted = library.encode(texts, normalize_embeddings=True)
    ours = load_encoder(f"sentence-transformers:{sentence_folder}", device="cpu").encode(texts)
    # bf16 against fp32 where the processor has it.
    assert (ours * wanted).sum(axis=1).min() > 0.999


def test_every_encoder_has_a_row() -> None:
    found = set()
    for info in pkgutil.walk_packages(chiasm_encoders.__path__, "chiasm_encoders."):
        module = import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, type) and name.endswith("Encoder") and hasattr(value, "encode"):
                found.add(value)
    found.discard(chiasm_encoders.Encoder)
    assert found == {implementation for implementation, *_ in _ENCODERS}
