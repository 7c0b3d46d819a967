"""Arrays in files of NumPy's format, opened by several threads of one process."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["map_array", "view_array"]

#: NumPy reads a header by `ast.literal_eval`. Until 3.11.8, CPython counts the depth of that for all threads at once,
#: and ends with a SystemError when two of them do it (python/cpython#106905).
_HEADER = threading.Lock()


def map_array(path: Path) -> npt.NDArray[Any]:
    """The array of a file, mapped and read-only; its pages are read when they are touched.

    Raises:
        OSError: The file is not there.
        ValueError: It is not an array, is shorter than its header says, or holds Python objects.
        EOFError: It is empty.
    """
    with _HEADER:
        return np.lib.format.open_memmap(path, mode="r")


def view_array(data: bytes) -> npt.NDArray[Any]:
    """What `numpy.save` wrote, without a copy.

    Raises:
        ValueError: It is of another version, in Fortran's order, of Python objects, or cut.
    """
    head = io.BytesIO(data)
    if np.lib.format.read_magic(head) != (1, 0):
        raise ValueError("an array is of another version")
    with _HEADER:
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
    if fortran or dtype.hasobject:
        raise ValueError(f"an array of {dtype} is not one of ours")
    return np.frombuffer(data, dtype, offset=head.tell()).reshape(shape)
