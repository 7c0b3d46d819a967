import numpy as np
import pytest

from chiasm.errors import DamagedError, InputError, NotFoundError
from chiasm.training import Snapshot, SnapshotWriter


def test_what_is_written_is_read(tmp_path):
    writer = SnapshotWriter(tmp_path, "w", 3, ["p"], {"text": "f"})
    for start in (0, 2):
        writer.add_entities(
            {
                "id": [start + 10, start + 11],
                "key": [f"k{start}", f"k{start + 1}"],
                "domain": ["a", "b"],
                "title": ["x", "y"],
                "stub": [False, True],
                "split": ["train", "test"],
            }
        )
    writer.add_triples({"head": [0], "relation": [0], "tail": [3], "split": ["train"]})
    writer.write_features("text", np.eye(4))
    pictures = writer.image_array(2, 5)
    pictures[1] = 9
    pictures.flush()
    flat, offsets = writer.audio_array([3, 4])
    flat[3:7] = 5
    flat.flush()
    writer.close()
    snapshot = Snapshot.open(tmp_path)
    assert (snapshot.workspace, snapshot.revision, snapshot.domains) == ("w", 3, ("a", "b"))
    assert snapshot.column("entities", "id").tolist() == [10, 11, 12, 13]
    assert snapshot.column("entities", "stub").tolist() == [False, True] * 2
    assert snapshot.assets.num_rows == 0 and len(snapshot.graph()) == 1
    np.testing.assert_array_equal(snapshot.features("text"), np.eye(4))
    assert snapshot.features("image") is None
    assert snapshot.images()[1].min() == 9 and snapshot.waves()[1].tolist() == offsets.tolist() == [0, 3, 7]


def test_unfinished_damaged_and_wrong(tmp_path, write_snapshot):
    with pytest.raises(NotFoundError):
        Snapshot.open(tmp_path / "none")
    folder = write_snapshot()
    assert Snapshot.open(folder).digest == Snapshot.open(folder).digest
    file = folder / "text.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedError):
        Snapshot.open(folder)
    with pytest.raises(InputError):
        SnapshotWriter(tmp_path / "other", "w", 1, []).add_triples({"head": [1]})
