"""Who encodes queries: a release's student where it can and may, else the space's own encoder."""

import pytest

from chiasm.errors import DamagedError, StampError
from chiasm.models import ModelCache, student_spec
from chiasm.settings import Settings, load_settings
from chiasm_encoders import load_encoder, register_encoder

TEACHER, STUDENT = "hash:text/16", "small:text/8"
STAMPS = {TEACHER: load_encoder(TEACHER).fingerprint, STUDENT: load_encoder("hash:text/8").fingerprint}


@pytest.fixture(autouse=True)
def _small() -> None:
    register_encoder("small", lambda what, device: load_encoder(f"hash:{what}", device=device))


def dim(settings: Settings, student: str | None = STUDENT, stamp: str | None = STAMPS[STUDENT]) -> int:
    return ModelCache(settings).query_encoder(TEACHER, STAMPS[TEACHER], student, stamp).dim


def test_the_student_asks_where_there_is_one(tmp_path):
    assert dim(load_settings(tmp_path, device="cpu")) == 8
    assert dim(load_settings(tmp_path, device="cpu"), None, None) == 16


def test_the_teacher_asks_where_it_is_wanted(tmp_path):
    assert dim(load_settings(tmp_path, device="cpu", query_encoder="teacher")) == 16


def test_without_onnx_runtime_the_teacher_asks_and_that_is_told_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("chiasm_encoders.onnx_session.has_onnx_runtime", lambda: False)
    models = ModelCache(load_settings(tmp_path, device="cpu"))
    for _ in range(3):
        assert models.query_encoder(TEACHER, STAMPS[TEACHER], STUDENT, STAMPS[STUDENT]).dim == 16
    assert sum("ONNX Runtime" in record.message for record in caplog.records) == 1


def test_a_student_that_was_not_vouched_for_is_refused(tmp_path):
    with pytest.raises(StampError):
        dim(load_settings(tmp_path, device="cpu"), STUDENT, "0" * 64)


@pytest.mark.parametrize("name", ["../student-text-0123456789ab", "text", "student-smell-0123456789ab", ""])
def test_names_from_elsewhere_are_refused(name):
    with pytest.raises(DamagedError):
        student_spec("releases/1/r1", name)


def test_a_name_is_a_folder_of_the_release():
    assert student_spec("releases/1/r1", None) is None
    wanted = "student:releases/1/r1/student-text-0123456789ab"
    assert student_spec("releases/1/r1", "student-text-0123456789ab") == wanted
