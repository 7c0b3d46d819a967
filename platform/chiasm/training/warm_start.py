"""Going on from a release instead of beginning anew."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chiasm.errors import InputError, StampError
from chiasm.fusion.checkpoints import read_json, read_tensors
from chiasm.fusion.filling import FILL_FILE
from chiasm.fusion.manifest import verify_files
from chiasm.fusion.recipe import Recipe
from chiasm.training.fitting import FusionFit

__all__ = ["WarmStart"]

#: Keys of a recipe that decide the shape of what is taken over.
_SHAPE = {"fusion": ("dim", "layers", "heads", "width"), "graph": ("dim", "layers")}
#: Tensors with one row a half-edge kind: relations, then their inverses.
_BY_RELATION = ("composition", "trust", "real", "imaginary")


@dataclass(frozen=True)
class WarmStart:
    """A release whose encoders are kept as they are and whose model is trained on.

    The new release sees the whole catalog, what the old one was trained on included: that is the replay which keeps
    old domains from being forgotten, and ``training.learned`` holds it near where it began on top of that.
    Predicates that are new start as they do in a first training, and so do modalities.

    References:
        Rolnick et al. 2019, "Experience replay for continual learning"; Wortsman 2022 (weights between start and end).
    """

    folder: Path
    #: Its ``release.json``
    about: Mapping[str, Any]
    #: Its ``fusion/config.json``
    config: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path, recipe: Recipe) -> WarmStart:
        """A release's folder, checked.

        Raises:
            DamagedError: A file differs from its checksum.
            InputError: The recipe asks for a model of another shape.
        """
        about = verify_files(folder, "fusion/", "graph/", "text/", "image/", "audio/")
        config = read_json(folder / "fusion" / "config.json")
        wanted = recipe.to_dict()
        for part, keys in _SHAPE.items():
            for key in keys:
                if config[part][key] != wanted[part][key]:
                    raise InputError(
                        f"the release has {part}.{key} {config[part][key]}, the recipe {wanted[part][key]}",
                        where=folder.name,
                        remedy=f"train with --set {part}.{key}={config[part][key]}, or without --from",
                    )
        return cls(folder, about, config)

    @property
    def fingerprint(self) -> str:
        """Of its model."""
        return str(self.about["fusion"]["fingerprint"])

    def has_own(self, modality: str) -> bool:
        """Whether it brings an encoder that was trained for it."""
        return bool(self.about["encoders"].get(modality, {}).get("spec") == f"student:{modality}")

    def keep_encoder(self, modality: str, out: Path) -> Path:
        """Its own encoder of a modality, copied into the new release; the copy's folder."""
        target = out / modality
        for name in self.about["files"]:
            if name.startswith(f"{modality}/"):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.folder / name, out / name)
        return target

    def check_encoders(self, made_by: Mapping[str, str]) -> None:
        """Refuse features that its model has never seen.

        Args:
            made_by: Modality to the fingerprint of the encoder of the features.

        Raises:
            StampError: A modality's features are of another encoder.
        """
        for modality, stamp in made_by.items():
            known = self.about["encoders"].get(modality, {}).get("fingerprint")
            if known is not None and known != stamp:
                raise StampError(
                    f"{modality} features are of another encoder than the release's",
                    where=self.folder.name,
                    remedy="train without --from: a model cannot go on in another space",
                )

    def load_into(self, fit: FusionFit, predicates: Sequence[str]) -> None:
        """Overwrite starting weights by the release's, relation by relation and modality by modality.

        Args:
            fit: With starting weights.
            predicates: Names of its relations, by number.
        """
        rows = self._relations(predicates)
        _take(fit.fusion, read_tensors(self.folder / "fusion" / "model.safetensors"), rows)
        if fit.gnn is not None and (self.folder / "graph" / "model.safetensors").is_file():
            _take(fit.gnn, read_tensors(self.folder / "graph" / "model.safetensors"), rows)
        if fit.scorer is not None and (self.folder / "graph" / "scorer.safetensors").is_file():
            _take(fit.scorer, read_tensors(self.folder / "graph" / "scorer.safetensors"), rows)
        if (self.folder / FILL_FILE).is_file():
            guesses = read_tensors(self.folder / FILL_FILE)
            _take(fit.tasks["masked"], {f"heads.{n}.weight": t for n, t in guesses.items()}, rows)

    def _relations(self, predicates: Sequence[str]) -> Tensor:
        """Half-edge kinds of the release and of the new model that mean the same, ``(2, kinds)``."""
        known = {name: number for number, name in enumerate(self.config["predicates"])}
        old = [known[name] for name in predicates if name in known]
        new = [number for number, name in enumerate(predicates) if name in known]
        both = torch.tensor([old, new], dtype=torch.int64).reshape(2, -1)
        inverse = both + torch.tensor([[len(known)], [len(predicates)]])
        return torch.cat([both, inverse], dim=1)


@torch.no_grad()
def _take(module: nn.Module, tensors: Mapping[str, Tensor], rows: Tensor) -> None:
    """Copy what there is on both sides."""
    for name, mine in module.state_dict().items():
        theirs = tensors.get(name)
        if theirs is None or theirs.shape[1:] != mine.shape[1:]:
            continue
        if name.rsplit(".", 1)[-1] in _BY_RELATION:
            mine[rows[1]] = theirs[rows[0]]
        elif theirs.shape == mine.shape:
            mine.copy_(theirs)
