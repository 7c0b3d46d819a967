"""Text students imitate, resume exactly, are exported truly, and their teacher stays as it is."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from chiasm_encoders import SupervisionError, TrainingStopped, WeightsError, load_encoder
from chiasm_encoders.distil import (
    FrozenTeacher,
    ImitationConfig,
    TextTeaching,
    train_query_student,
    untrained_query_student,
)
from chiasm_encoders.distil.losses.contrastive import contrastive_loss
from chiasm_encoders.distil.losses.feature import feature_loss
from chiasm_encoders.distil.losses.relational import relational_loss
from chiasm_encoders.distil.onnx_export import export_onnx
from chiasm_encoders.testing.tiny_bert import write_tiny_bert
from chiasm_encoders.text.student_tokens import student_tokenizer, vocabulary_texts
from chiasm_encoders.text.students import TextShape
from chiasm_encoders.timing import time_queries

SHAPES = [
    TextShape(kind="static", width=8),
    TextShape(kind="lstm", width=8, hidden=8),
    TextShape(kind="transformer", width=8, hidden=16, layers=1, heads=2),
]
CONFIG = ImitationConfig(max_steps=30, batch=16, warmup_steps=2, learning_rate=1e-2, device="cpu")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = write_tiny_bert(tmp_path_factory.mktemp("teacher"))
    return load_encoder(f"sentence-transformers:{folder}", device="cpu")


@pytest.fixture(scope="module")
def teaching(teacher):
    draw = np.random.default_rng(0)
    texts = sorted({" ".join("".join(draw.choice(list("abcpqr"), 3)) for _ in range(2)) for _ in range(60)})
    tokenizer = student_tokenizer(teacher, texts)
    tokens = teacher.encode(vocabulary_texts(tokenizer))
    return TextTeaching(texts, [teacher.encode(texts)], tokenizer, tokens, teacher.fingerprint)


def train(shape, teaching, out, stop=lambda: False, seed=0, config=CONFIG):
    return train_query_student(
        shape, teaching, config, seed=seed, out=out, report=lambda ratio, losses: None, stop=stop
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)
def test_a_student_comes_to_say_what_its_teacher_says(shape, teaching, teacher, tmp_path):
    before = load_encoder(f"student:{untrained_query_student(shape, teaching, tmp_path / 'before')}")
    after = load_encoder(f"student:{train(shape, teaching, tmp_path / 'after')}")
    unknown = ["abc pqr", "rrp abb", "cab"]
    wanted = teacher.encode(unknown)
    near = [(encoder.encode(unknown) * wanted).sum(1).mean() for encoder in (before, after)]
    assert 1 - near[1] < 0.7 * (1 - near[0])
    assert (after.dim, after.modality, after.teacher) == (teacher.dim, "text", teacher.fingerprint)
    config = json.loads((tmp_path / "after/config.json").read_text())
    assert config["export"]["difference"] < 1e-3 and config["export"]["cosine"] > 0.98
    timing = time_queries(after, unknown, rounds=5)
    assert 0 < timing.low <= timing.median <= timing.high


def test_stopped_and_resumed_equals_one_run(teaching, tmp_path):
    shape = SHAPES[0]
    whole = train(shape, teaching, tmp_path / "whole")
    asked = iter([False] * 5 + [True])
    with pytest.raises(TrainingStopped):
        train(shape, teaching, tmp_path / "parts", stop=lambda: next(asked))
    assert (tmp_path / "parts/checkpoint.safetensors").is_file()
    parts = train(shape, teaching, tmp_path / "parts")
    assert not (parts / "checkpoint.safetensors").exists()
    first, second = (load_encoder(f"student:{out}").encode(teaching.texts) for out in (whole, parts))
    assert np.array_equal(first, second)
    # Finished: not done a second time.
    assert train(shape, teaching, tmp_path / "whole", stop=lambda: True) == whole
    other = load_encoder(f"student:{train(shape, teaching, tmp_path / 'other', seed=1)}")
    assert not np.array_equal(first, other.encode(teaching.texts))


def test_a_teacher_cannot_leave_eval_mode(teacher):
    class Task(nn.Module):
        def __init__(self):
            super().__init__()
            self.teacher = FrozenTeacher(teacher)
            self.student = nn.Linear(2, 2)

    task = Task().train()
    assert task.student.training and not any(part.training for part in task.teacher.modules())
    assert task.teacher.parameter_count > 0
    assert not any(parameter.requires_grad for parameter in task.teacher.parameters())
    with pytest.raises(SupervisionError, match="does not learn"):
        task.teacher.requires_grad_(True)
    # Whoever reaches inside: it is set right before it answers.
    wanted = task.teacher(["abc"])
    for part in task.teacher.parts.modules():
        part.training = True
    next(task.teacher.parameters()).requires_grad = True
    assert np.array_equal(task.teacher(["abc"]), wanted)
    assert not any(part.training for part in task.teacher.modules())
    assert not any(parameter.requires_grad for parameter in task.teacher.parameters())


def test_losses_are_least_where_student_and_teacher_agree():
    draw = torch.Generator().manual_seed(0)
    told, other = (nn.functional.normalize(torch.randn(12, 6, generator=draw), dim=1) for _ in range(2))
    assert feature_loss(told, told) == pytest.approx(0, abs=1e-6)
    assert feature_loss(other, told) > 0.1
    assert relational_loss(told, [told], 0.1) == pytest.approx(0, abs=1e-5)
    assert relational_loss(other, [told], 0.1) > 0.1
    # Likeness alone counts: a turned space is as good, and a teacher of another length can take part.
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw))[0]
    assert relational_loss(told @ turn, [told], 0.1) == pytest.approx(0, abs=1e-4)
    assert relational_loss(told, [told, torch.cat([told, told], 1) / 2**0.5], 0.1) == pytest.approx(
        0, abs=1e-4
    )
    assert contrastive_loss(told, told, 0.05) < contrastive_loss(other, told, 0.05)


def test_an_export_that_says_something_else_is_refused(monkeypatch):
    class Turned(nn.Module):
        def forward(self, x):
            return nn.functional.normalize(x @ torch.eye(2), dim=1)

    monkeypatch.setattr(
        "chiasm_encoders.distil.onnx_export.OnnxSession.run", lambda self, inputs: inputs["x"][:, ::-1]
    )
    with pytest.raises(WeightsError, match="differs"):
        export_onnx(Turned().eval(), {"x": torch.tensor([[1.0, 0.0], [0.0, 1.0]])}, {"x": ("batch",)})


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_damaged_student_is_an_error(name, teaching, tmp_path):
    folder = untrained_query_student(SHAPES[0], teaching, tmp_path / "student")
    (folder / name).write_bytes(b"{}" if name.endswith("json") else b"none")
    with pytest.raises(WeightsError) as raised:
        load_encoder(f"student:{folder}")
    assert raised.value.remedy


def test_a_teacher_without_a_tokenizer_gets_one_from_the_texts():
    hashed = load_encoder("hash:text/16")
    tokenizer = student_tokenizer(hashed, ["red circle", "blue circle", "red ring"])
    assert "circle" in vocabulary_texts(tokenizer)
    assert tokenizer.encode("red circle", add_special_tokens=False).tokens == ["red", "circle"]
