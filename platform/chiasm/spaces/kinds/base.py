"""What every kind of FAISS index can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError, MissingDependencyError

__all__ = [
    "Bools",
    "Effort",
    "Floats",
    "Halves",
    "IndexKind",
    "Ints",
    "blocks_of",
    "faiss_module",
    "flat_view",
]

#: Pieces in which an index goes to its file.
_WRITE_BYTES = 2**20
#: Rows of a block that are held as float32 at a time.
_ROWS = 16_384
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]
Ints = npt.NDArray[np.int64]


class Effort(NamedTuple):
    """How hard an index looks."""

    #: Of HNSW the width of the beam (ef), of IVF how many lists are read (nprobe).
    breadth: int
    #: Candidates for each of the k that are scored exactly.
    depth: int


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


def flat_view(block: Halves) -> Any:
    """A flat fp16 index over a feature block, also a mapped one, without a copy.

    Args:
        block: ``(rows, dim)``; must not be unmapped before the index is gone, so it is kept with it.
    """
    faiss = faiss_module()
    flat = faiss.IndexScalarQuantizer(
        block.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    codes = np.asarray(block).view(np.uint8).reshape(-1)
    # The owner of the empty codes is nobody: the view does not free what it shows.
    flat.codes = faiss.MaybeOwnedVectorUInt8.create_view(faiss.swig_ptr(codes), codes.size, flat.codes.owner)
    flat.ntotal = len(block)
    flat.referenced_objects = [block]
    return flat


def blocks_of(block: Halves) -> Any:
    """A block a bounded number of float32 rows at a time: pairs of the first row and ``(rows, dim)``."""
    for start in range(0, len(block), _ROWS):
        yield start, np.ascontiguousarray(block[start : start + _ROWS], dtype=np.float32)


class IndexKind(ABC):
    """Builds, stores, opens and searches one kind of index over unit vectors by inner product.

    An index answers with row numbers. It need not hold the vectors: it is opened with a flat view of the
    segment's block, from which every candidate is scored.
    """

    #: As stored in the segment's row and manifest.
    name: ClassVar[str]
    #: Whether there is a file beside the block.
    stored: ClassVar[bool] = True
    #: Whether a search reads rows of the block that nobody can name before.
    roams: ClassVar[bool] = True
    #: What is worth trying, ascending.
    depths: ClassVar[tuple[int, ...]] = (1,)

    @abstractmethod
    def build(self, block: Halves) -> Any:
        """A FAISS index over ``block`` ``(rows, dim)``."""

    @abstractmethod
    def attached(self, index: Any, flat: Any) -> Any:
        """An index as read from its file, made to answer from a flat view of its block."""

    @abstractmethod
    def search(
        self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None
    ) -> tuple[Floats, Ints]:
        """The best ``k`` rows of an attached index, or of those that a selector names.

        Returns:
            Inner products with the block and rows, each ``(queries, k)``, padded with -inf and -1.
        """

    def candidates(self, index: Any, queries: Floats, k: int, effort: Effort, selector: Any = None) -> Ints:
        """The rows that `search` scores from the block, best first by what the index knows of them.

        Returns:
            ``(queries, k * depth)``, padded with -1.
        """
        return self.search(index, queries, k, effort, selector)[1]

    @abstractmethod
    def breadths(self, rows: int) -> list[int]:
        """What is worth trying on so many rows, ascending."""

    @abstractmethod
    def cost(self, rows: int, dim: int, k: int, effort: Effort) -> float:
        """About how many dimensions of float32 a query has to multiply: comparable, not seconds."""

    def save(self, index: Any, path: Path) -> None:
        """Write an index to a file; the caller syncs it."""
        faiss = faiss_module()
        # FAISS's own writer does not notice that the last bytes found no room; Python's does, and says why.
        with path.open("wb") as file:
            faiss.write_index(index, faiss.PyCallbackIOWriter(file.write, _WRITE_BYTES), self.io_flags(faiss))

    def io_flags(self, faiss: Any) -> int:
        """What FAISS shall leave out of the file."""
        return 0

    def open(self, path: Path, flat: Any) -> Any:
        """Map an index whose file's checksum the caller has verified.

        Raises:
            DamagedError: FAISS cannot read it, or it is of another segment.
        """
        faiss = faiss_module()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            if index.ntotal != flat.ntotal or index.d != flat.d:
                raise RuntimeError("not of this block")
            return self.attached(index, flat)
        except (RuntimeError, AttributeError) as error:
            raise DamagedError(
                "FAISS cannot read the index",
                where=str(path),
                remedy="run `chiasm doctor --repair`: the index is derived and will be rebuilt",
            ) from error
