"""What a query is made of."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chiasm.client.parts import QueryPart, query_parts
from chiasm.errors import ChiasmError, InputError, UsageError
from chiasm_encoders.waveform import Waveform


def test_values_lists_and_weights() -> None:
    parts = query_parts(
        positive={"text": ["bell", "temple"], "entity": "obj:1", "image": None},
        negative={"text": "sword"},
        weights={"entity": 0.5},
    )
    assert parts == [
        QueryPart("text", "bell"),
        QueryPart("text", "temple"),
        QueryPart("entity", "obj:1", 0.5),
        QueryPart("text", "sword", -1.0),
    ]


def test_media_come_as_path_bytes_array_or_picture(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 3), 7, dtype=np.uint8)
    picture = Image.fromarray(pixels)
    file = tmp_path / "x.png"
    picture.save(file)
    found = query_parts(positive={"image": [file, str(file), file.read_bytes(), pixels, picture]})
    assert all(part.kind == "image" for part in found)
    for part in found:
        with Image.open(io.BytesIO(part.media_bytes())) as back:
            assert np.array_equal(np.asarray(back.convert("RGB")), pixels)


def test_a_waveform_becomes_a_file() -> None:
    sound = Waveform(np.zeros(800, dtype=np.float32), 8000)
    [part] = query_parts(positive={"audio": sound})
    assert part.media_bytes()[:4] == b"RIFF"


def test_vectors_one_or_many() -> None:
    given = np.array([1.0, 2.0])
    assert [part.value for part in query_parts(positive={"vector": given})] == [given]
    assert [part.value for part in query_parts(positive={"vector": (1, 2)})] == [[1.0, 2.0]]
    assert len(query_parts(positive={"vector": np.eye(3)})) == 3
    assert len(query_parts(positive={"vector": [[1.0, 0.0], [0.0, 1.0]]})) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"positive": {}}, UsageError, "no part"),
        ({"positive": {"text": []}, "negative": {"text": "x"}}, UsageError, "no part"),
        ({"positive": {"text": "  "}}, UsageError, "empty"),
        ({"positive": {"text": "x"}, "weights": {"smell": 1.0}}, UsageError, "smell"),
        ({"positive": {"text": "x"}, "weights": {"text": -1.0}}, UsageError, "not positive"),
        ({"positive": {"image": "/no/such/file.png"}}, InputError, "cannot be read"),
        ({"positive": {"image": np.zeros((2, 2))}}, UsageError, "picture"),
        ({"positive": {"audio": np.zeros(5)}}, UsageError, "sound"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict, error: type[ChiasmError], said: str) -> None:
    with pytest.raises(error, match=said):
        query_parts(**arguments)
