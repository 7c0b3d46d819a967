"""Vectors that training made of a catalogue's assets, so that building the release need not make them again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chiasm.errors import DamagedError
from chiasm.fusion.checkpoints import read_json, read_tensors, sha256_of, write_json, write_tensors

__all__ = ["MadeVectors", "discard_made"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
_FOLDER = "features"


@dataclass(frozen=True, eq=False)
class MadeVectors:
    """Assets and their vectors by one encoder."""

    #: (assets,) ascending
    ids: Ints
    #: (assets, dim)
    vectors: Floats

    def write(self, out: Path, modality: str, stamp: str) -> None:
        """Keep them in a release's folder.

        Args:
            out: The release's folder.
            modality: Of the assets.
            stamp: Fingerprint of the encoder.
        """
        file = out / _FOLDER / f"{modality}.safetensors"
        # Those without a direction fail alone when they are encoded again.
        length = np.linalg.norm(self.vectors, axis=1)
        good = np.isfinite(length) & (length > 0)
        write_tensors(file, {"ids": self.ids[good], "vectors": self.vectors[good]})
        write_json(file.with_suffix(".json"), {"stamp": stamp, "sha256": sha256_of(file)})

    @classmethod
    def read(cls, out: Path, modality: str, stamp: str) -> MadeVectors | None:
        """What `write` kept; None where there is nothing by this encoder, or it is damaged."""
        file = out / _FOLDER / f"{modality}.safetensors"
        if not file.with_suffix(".json").is_file():
            return None
        try:
            about = read_json(file.with_suffix(".json"))
            if about.get("stamp") != stamp:
                return None
            arrays = read_tensors(file, about.get("sha256"))
            return cls(arrays["ids"].numpy(), arrays["vectors"].numpy())
        except (DamagedError, KeyError, AttributeError):
            # They can be made again, unlike anything else that is checked.
            return None

    def of(self, ids: Ints) -> tuple[Ints, Floats]:
        """Those of some assets that are held, ids ``(n,)`` and vectors ``(n, dim)``."""
        at = np.minimum(np.searchsorted(self.ids, ids), max(0, len(self.ids) - 1))
        held = self.ids[at] == ids if len(self.ids) else np.zeros(len(ids), dtype=np.bool_)
        return ids[held], self.vectors[at[held]]


def discard_made(out: Path) -> None:
    """Remove what only building needed: the vectors and the snapshot with its decoded media."""
    for name in (_FOLDER, "snapshot"):
        shutil.rmtree(out / name, ignore_errors=True)
