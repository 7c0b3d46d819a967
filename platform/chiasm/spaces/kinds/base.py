"""What every kind of FAISS index can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError, MissingDependencyError

__all__ = ["Bools", "Floats", "IndexKind", "Ints", "faiss_module"]

#: Pieces in which an index goes to its file.
_WRITE_BYTES = 2**20
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def faiss_module() -> Any:
    """FAISS, imported when first used.

    Raises:
        MissingDependencyError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise MissingDependencyError(
            "FAISS is not installed", remedy="install chiasm[cpu] or chiasm[gpu]"
        ) from error
    return faiss


class IndexKind(ABC):
    """Builds, stores, opens and searches one kind of index over unit vectors by inner product.

    An index may be lossy: whoever searches it rescores from the segment's feature block.
    """

    #: As stored in the segment's row and manifest.
    name: ClassVar[str]
    #: How many times k candidates are asked for before rescoring.
    oversample: ClassVar[int] = 1

    @abstractmethod
    def build(self, ids: Ints, vectors: Floats) -> Any:
        """A FAISS index over ``vectors`` ``(rows, dim)`` that answers with ``ids`` ``(rows,)``."""

    @abstractmethod
    def search(self, index: Any, queries: Floats, k: int, allowed: Ints | None = None) -> tuple[Floats, Ints]:
        """The best ``k`` of an index, or of those of its items whose id is in ``allowed``.

        Returns:
            Inner products and ids, each ``(queries, k)``, padded with -inf and -1.
        """

    def save(self, index: Any, path: Path) -> None:
        """Write an index to a file; the caller syncs it."""
        faiss = faiss_module()
        # FAISS's own writer does not notice that the last bytes found no room; Python's does, and says why.
        with path.open("wb") as file:
            faiss.write_index(index, faiss.PyCallbackIOWriter(file.write, _WRITE_BYTES))

    def open(self, path: Path) -> Any:
        """Read an index from a file whose checksum the caller has verified.

        Raises:
            DamagedError: FAISS cannot read it.
        """
        try:
            return faiss_module().read_index(str(path))
        except RuntimeError as error:
            raise DamagedError(
                "FAISS cannot read the index",
                where=str(path),
                remedy="run `chiasm doctor --repair`: the index is derived and will be rebuilt",
            ) from error
