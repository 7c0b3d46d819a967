"""Releases, students, checkpoints and segments that somebody handed over, with seals that agree with what is in them.

Backups that strangers made are in `tests/integration/archive/test_hostile.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chiasm.errors import ChiasmError
from chiasm.fusion.checkpoints import read_tensors
from chiasm.fusion.manifest import SEAL, seal_of
from chiasm.fusion.runtime import FusionModel
from chiasm.models import ModelCache
from chiasm.settings import load_settings
from chiasm.spaces.segment import open_segment
from chiasm.training.loop_state import stored_state
from chiasm_encoders.distil.checkpoint import stored_state as stored_student

_DEEP = b"[" * 100_000


def sealed(**content: Any) -> bytes:
    return json.dumps({**content, SEAL: seal_of(content)}).encode()


def tensors(header: Any, body: bytes = bytes(4)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def one(shape: list[int], kind: str = "F32", ends: tuple[int, int] = (0, 4)) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": list(ends)}


MANIFESTS: dict[str, bytes] = {
    "100,000 brackets": _DEEP,
    "100,000 objects": b'{"files":' + b'{"a":' * 100_000,
    "5,000 digits": b'{"files": {}, "n": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "UTF-16": "{}".encode("utf-16"),
    "a file upwards": sealed(files={"../../x": "0"}),
    "a file of the machine": sealed(files={"/etc/passwd": "0"}),
    "a name with a NUL": sealed(files={"fusion/a\0b": "0"}),
    "a name of 5,000 letters": sealed(files={"fusion/" + "x" * 5000: "0"}),
    "a checksum that is a list": sealed(files={"fusion/model.safetensors": ["0"]}),
    "files that are a list": sealed(files=["fusion/model.safetensors"]),
    "no ranking": sealed(files={}),
    "a ranking that is a list": sealed(files={}, ranking=[], fusion={"fingerprint": ""}),
    "a fusion that is a list": sealed(files={}, ranking={}, fusion=[]),
}
TENSORS: dict[str, bytes] = {
    "2^40 x 2^40": tensors({"x": one([2**40, 2**40])}),
    "2^62 x 4 of nothing": tensors({"x": one([2**62, 4], ends=(0, 0))}),
    "fewer than none": tensors({"x": one([-1])}),
    "a type that is none": tensors({"x": one([1], "F33")}),
    "two in one place": tensors({"x": one([1]), "y": one([1])}),
    "beyond the end": tensors({"x": one([1], ends=(2**40, 2**40 + 4))}),
    "backwards": tensors({"x": one([1], ends=(4, 0))}),
    "a head of 2^64": b"\xff" * 8,
    "100,000 brackets": tensors(_DEEP),
    "a pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    "nothing": b"",
}
_PARTS = {"fusion": {}, "feature_dims": {"text": 4}, "predicates": []}
SHAPES: dict[str, Any] = {
    "a list": [],
    "null": None,
    "a word": "x",
    "a fusion that is a list": {**_PARTS, "fusion": []},
    "fewer than none": {**_PARTS, "fusion": {"dim": -1}},
    "a word for a width": {**_PARTS, "fusion": {"dim": "x"}},
    "no heads": {**_PARTS, "fusion": {"heads": 0}},
    "a width of 10^15": {**_PARTS, "fusion": {"width": 10**15}},
    "a feature of 10^15": {**_PARTS, "feature_dims": {"text": 10**15}},
    "features that are a list": {**_PARTS, "feature_dims": [1]},
    "a sense that is none": {**_PARTS, "feature_dims": {"smell": 4}},
    "a field that is none": {**_PARTS, "fusion": {"__class__": 1}},
}
_STUDENT = {"format": "chiasm-student-1", "modality": "image"}
STUDENTS: dict[str, Any] = {
    "a list": [],
    "no model": _STUDENT,
    "a model that is a list": {**_STUDENT, "model": []},
    "a model that is a word": {**_STUDENT, "modality": "audio", "model": "x"},
    "a trunk that is a number": {**_STUDENT, "model": {"trunk": 7, "widths": "x"}},
    "a sense that is a list": {**_STUDENT, "modality": ["image"], "model": {}},
    "another format": {**_STUDENT, "format": "chiasm-student-2"},
}


def refused(use: Callable[[], object], name: str) -> None:
    with pytest.raises(ChiasmError) as caught:
        use()
    error = caught.value
    assert error.where and name in error.where and error.remedy, error.to_dict()
    assert len(error.what) < 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4_000_000


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(tmp_path: Path, name: str) -> None:
    (tmp_path / "release.json").write_bytes(MANIFESTS[name])
    refused(lambda: FusionModel.load(tmp_path), "")


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(TENSORS[name])
    refused(lambda: read_tensors(path), "x.safetensors")
    # Training begins anew.
    assert stored_state(path) is None and stored_student(path) is None


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_of_models(tmp_path: Path, name: str) -> None:
    (tmp_path / "fusion").mkdir()
    (tmp_path / "fusion" / "config.json").write_text(json.dumps(SHAPES[name]))
    (tmp_path / "fusion" / "model.safetensors").write_bytes(tensors({}, b""))
    refused(lambda: FusionModel.load_parts(tmp_path, ranking=None), str(tmp_path))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STUDENTS)
def test_students(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(STUDENTS[name]))
    (tmp_path / "model.safetensors").write_bytes(tensors({}, b""))
    refused(
        lambda: ModelCache(load_settings(tmp_path / "home")).encoder(f"student:{tmp_path}"), str(tmp_path)
    )


def array(header: str, body: bytes = bytes(8)) -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def saved(values: Any, kind: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(values, dtype=kind))
    return out.getvalue()


_GOOD = {"ids.npy": saved([1], np.int64), "block.npy": saved([[0.5] * 4], np.float16), "index.faiss": b"x"}
_FACTS = {"format": 1, "stamp": "s", "dim": 4, "rows": 1, "kind": "exact"}
_KNOB = {"share": 1.0, "k": 10, "effort": [8, 1], "recall": 1.0}
_TWO = {
    n: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
    for n, d in _GOOD.items()
    if n != "index.faiss"
}
#: Files in place of sound ones, and facts in place of sound ones.
SEGMENTS: dict[str, tuple[dict[str, bytes], dict[str, Any]]] = {
    "objects": ({"ids.npy": array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")}, {}),
    "2^60 rows": (
        {"block.npy": array("{'descr': '<f2', 'fortran_order': False, 'shape': (2**60, 4), }")},
        {},
    ),
    "2^60 ids": (
        {"ids.npy": array(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({2**60},), }}")},
        {},
    ),
    "a head that is a program": ({"ids.npy": array("__import__('os').system('id')")}, {}),
    "a pickle": ({"ids.npy": TENSORS["a pickle"]}, {}),
    "nothing": ({"block.npy": b""}, {}),
    "other rows": ({}, {"rows": 7}),
    "rows that are a word": ({}, {"rows": "x"}),
    "a kind that is none": ({}, {"kind": "../exact"}),
    "a format that is none": ({}, {"format": [1]}),
    "another file": ({}, {"files": {"../../x": {"bytes": 1, "sha256": ""}}}),
    "knobs that are a word": ({}, {"format": 2, "knobs": "x"}),
    "a knob without end": ({}, {"format": 2, "knobs": [{**_KNOB, "effort": [2**70, 1]}]}),
    "a knob of nothing": ({}, {"format": 2, "knobs": [{**_KNOB, "share": float("nan")}]}),
    "an index that is not there": ({}, {"format": 2, "kind": "hnsw", "files": _TWO}),
    "no files": ({}, {"files": {}}),
    "files that are a list": ({}, {"files": []}),
    "files that are numbers": ({}, {"files": {"ids.npy": 1, "block.npy": 1, "index.faiss": 1}}),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments(tmp_path: Path, name: str) -> None:
    changed, facts = SEGMENTS[name]
    content = {**_GOOD, **changed}
    for file, data in content.items():
        (tmp_path / file).write_bytes(data)
    files = {
        file: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for file, data in content.items()
    }
    text = json.dumps({**_FACTS, "files": files, **facts}).encode()
    (tmp_path / "manifest.json").write_bytes(text)
    refused(lambda: open_segment(tmp_path, hashlib.sha256(text).hexdigest(), stamp="s", dim=4), "")


def test_an_index_of_rubbish(tmp_path: Path) -> None:
    for name, data in _GOOD.items():
        (tmp_path / name).write_bytes(data)
    files = {n: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in _GOOD.items()}
    text = json.dumps({**_FACTS, "format": 2, "kind": "hnsw", "files": files}).encode()
    (tmp_path / "manifest.json").write_bytes(text)
    sound = open_segment(tmp_path, hashlib.sha256(text).hexdigest(), stamp="s", dim=4)
    refused(lambda: sound.index, "index.faiss")
