"""Every encoder passes the contract; a new one without a test here fails the last test."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import chiasm_encoders
from chiasm_encoders import load_encoder
from chiasm_encoders.audio.clap import ClapAudioEncoder
from chiasm_encoders.audio.student import AudioStudentEncoder
from chiasm_encoders.image.open_clip_image import OpenClipImageEncoder
from chiasm_encoders.image.student import ImageStudentEncoder
from chiasm_encoders.testing import EncoderContract, HashEncoder
from chiasm_encoders.text.open_clip_text import OpenClipTextEncoder
from chiasm_encoders.text.sentence_transformer import BertEncoder, SentenceTransformerEncoder


class TestBertEncoder(EncoderContract):
    implementation = BertEncoder

    @pytest.fixture(scope="class")
    def encoder(self, sentence_folder):
        return load_encoder(f"sentence-transformers:{sentence_folder}", device="cpu")

    @pytest.fixture
    def items(self, texts):
        return texts

    def test_equals_the_library(self, encoder, sentence_folder, texts):
        from sentence_transformers import SentenceTransformer

        library = SentenceTransformer(str(sentence_folder), device="cpu", local_files_only=True)
        wanted = library.encode(texts, normalize_embeddings=True)
        # bf16 against fp32 where the processor has it.
        assert (encoder.encode(texts) * wanted).sum(axis=1).min() > 0.999


class TestSentenceTransformerEncoder(EncoderContract):
    implementation = SentenceTransformerEncoder

    @pytest.fixture(scope="class")
    def encoder(self, unusual_sentence_folder):
        return load_encoder(f"sentence-transformers:{unusual_sentence_folder}", device="cpu")

    @pytest.fixture
    def items(self, texts):
        return texts


class TestOpenClipTextEncoder(EncoderContract):
    implementation = OpenClipTextEncoder

    @pytest.fixture(scope="class")
    def encoder(self, open_clip_folder):
        return load_encoder(f"open_clip-text:{open_clip_folder}", device="cpu")

    @pytest.fixture
    def items(self, texts):
        return texts


class TestOpenClipImageEncoder(EncoderContract):
    implementation = OpenClipImageEncoder

    @pytest.fixture(scope="class")
    def encoder(self, open_clip_folder):
        return load_encoder(f"open_clip-image:{open_clip_folder}", device="cpu")

    @pytest.fixture
    def items(self, pictures):
        return pictures


class TestClapAudioEncoder(EncoderContract):
    implementation = ClapAudioEncoder

    @pytest.fixture(scope="class")
    def encoder(self, clap_folder):
        return load_encoder(f"clap:{clap_folder}", device="cpu")

    @pytest.fixture
    def items(self, sounds):
        return sounds


class TestImageStudentEncoder(EncoderContract):
    implementation = ImageStudentEncoder

    @pytest.fixture(scope="class")
    def encoder(self, image_student_folder):
        return load_encoder(f"student:{image_student_folder}", device="cpu")

    @pytest.fixture
    def items(self, pictures):
        return pictures


class TestAudioStudentEncoder(EncoderContract):
    implementation = AudioStudentEncoder

    @pytest.fixture(scope="class")
    def encoder(self, audio_student_folder):
        return load_encoder(f"student:{audio_student_folder}", device="cpu")

    @pytest.fixture
    def items(self, sounds):
        return sounds


class TestHashEncoder(EncoderContract):
    implementation = HashEncoder

    @pytest.fixture(scope="class")
    def encoder(self):
        return load_encoder("hash:audio/16")

    @pytest.fixture
    def items(self, sounds):
        return sounds


def test_every_encoder_has_a_contract_test():
    tested = {case.implementation for case in EncoderContract.__subclasses__()}
    found = set()
    for info in pkgutil.walk_packages(chiasm_encoders.__path__, "chiasm_encoders."):
        module = import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, type) and name.endswith("Encoder") and hasattr(value, "encode"):
                found.add(value)
    found.discard(chiasm_encoders.Encoder)
    assert found == tested
