"""Features that an item lacks, guessed from those it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from chiasm.fusion.checkpoints import read_tensors, write_tensors
from chiasm.fusion.tasks import MaskedTask

__all__ = ["FILL_FILE", "FillIn"]

FILL_FILE = "fusion/fill.safetensors"
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class FillIn:
    """Linear maps from a fused vector to the feature of each modality, learned by the masked-modality task.

    Search does not need it: the Transformer passes over what is absent. It answers what a picture of something
    would look like to the encoder, for those who compare single modalities.
    """

    #: Modality to ``(dim_kind, dim)``
    maps: Mapping[str, npt.NDArray[np.float32]]

    @classmethod
    def of(cls, task: MaskedTask) -> FillIn:
        """Those of a trained task."""
        heads = {name: head for name, head in task.heads.items() if isinstance(head, nn.Linear)}
        return cls({name: head.weight.detach().cpu().numpy() for name, head in heads.items()})

    @classmethod
    def load(cls, folder: Path) -> FillIn:
        """Those of a release's folder.

        Raises:
            NotFoundError: The release was trained before they were kept.
            DamagedError: The file cannot be read.
        """
        return cls({name: tensor.numpy() for name, tensor in read_tensors(folder / FILL_FILE).items()})

    def save(self, folder: Path) -> list[str]:
        """Write them below a release's folder; names of the files."""
        write_tensors(folder / FILL_FILE, dict(self.maps))
        return [FILL_FILE]

    def guess(self, fused: Floats, modality: str) -> npt.NDArray[np.float32]:
        """Unit features of a modality, ``(n, dim_kind)``, from fused vectors, ``(n, dim)``."""
        found = np.asarray(fused, dtype=np.float32) @ self.maps[modality].T
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.maximum(lengths, 1e-9)).astype(np.float32)

    def filled(
        self, items: Sequence[Mapping[str, Floats]], fused: Floats, modalities: Sequence[str]
    ) -> list[dict[str, Floats]]:
        """The items with a guessed token of each of the modalities that they lack.

        Args:
            items: Kind to features, as `FusionModel.fuse` takes them.
            fused: Their fused vectors, ``(items, dim)``.
            modalities: What shall not be lacking.
        """
        guesses = {name: self.guess(fused, name) for name in modalities}
        return [
            {**item, **{name: guesses[name][n] for name in modalities if name not in item}}
            for n, item in enumerate(items)
        ]
