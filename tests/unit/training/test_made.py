"""Vectors that are kept for building the release's spaces."""

import numpy as np
import pytest

from chiasm.training import MadeVectors, discard_made

IDS = np.array([3, 5, 9])
VECTORS = np.eye(3, 4, dtype=np.float32)


def test_what_was_made_is_found_by_asset(tmp_path):
    MadeVectors(IDS, VECTORS).write(tmp_path, "text", "stamp")
    made = MadeVectors.read(tmp_path, "text", "stamp")
    assert made is not None
    ids, vectors = made.of(np.array([1, 5, 9, 12]))
    assert ids.tolist() == [5, 9]
    assert np.array_equal(vectors, VECTORS[1:])


def test_nothing_made_holds_nothing():
    ids, vectors = MadeVectors(IDS[:0], VECTORS[:0]).of(IDS)
    assert (len(ids), vectors.shape) == (0, (0, 4))


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_what_has_no_direction_is_left_to_the_encoder(tmp_path, bad):
    MadeVectors(IDS, np.where(IDS[:, None] == 5, bad, VECTORS).astype(np.float32)).write(
        tmp_path, "text", "s"
    )
    made = MadeVectors.read(tmp_path, "text", "s")
    assert made is not None
    assert made.ids.tolist() == [3, 9]


def test_another_encoder_and_damage_are_as_nothing(tmp_path):
    assert MadeVectors.read(tmp_path, "text", "stamp") is None
    MadeVectors(IDS, VECTORS).write(tmp_path, "text", "stamp")
    assert MadeVectors.read(tmp_path, "text", "other") is None
    file = tmp_path / "features" / "text.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert MadeVectors.read(tmp_path, "text", "stamp") is None


def test_what_only_building_needed_goes(tmp_path):
    MadeVectors(IDS, VECTORS).write(tmp_path, "text", "stamp")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "release.json").write_text("{}")
    discard_made(tmp_path)
    discard_made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["release.json"]
