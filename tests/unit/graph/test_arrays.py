"""Arrays opened by many threads at once."""

import gc
import io
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from chiasm_graph.arrays import map_array, view_array


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that change places as often as they can, in the middle of a collection of garbage too."""

    def collected(phase: str, info: dict[str, int]) -> None:
        sum(range(50))

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5, *thresholds[1:])
    gc.callbacks.append(collected)
    yield
    gc.callbacks.remove(collected)
    gc.set_threshold(*thresholds)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty")
def test_threads_open_arrays_at_the_same_time(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", array)
    content = (tmp_path / "a.npy").read_bytes()

    def read(_: int) -> None:
        assert np.array_equal(map_array(tmp_path / "a.npy"), array)
        assert np.array_equal(view_array(content), array)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(200)))


@pytest.mark.parametrize(
    "array", [np.asfortranarray(np.ones((2, 3))), np.array([None], dtype=object)], ids=["fortran", "objects"]
)
def test_what_is_not_ours_is_refused(array: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    with pytest.raises(ValueError, match="is not one of ours"):
        view_array(content.getvalue())


def test_a_cut_array_is_refused() -> None:
    content = io.BytesIO()
    np.save(content, np.arange(9))
    for length in (0, 5, 40, 140):
        with pytest.raises(ValueError):
            view_array(content.getvalue()[:length])
