"""The distilled image encoder: trunk, kernel regression and detail in one small net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.device import mixed_precision, resolve_device
from chiasm_encoders.fingerprint import fingerprint_of
from chiasm_encoders.image.descriptor import DetailProjection, ShapeColourDescriptor
from chiasm_encoders.image.orientation import orientation_channels
from chiasm_encoders.image.preprocess import area_resize, checked_picture, picture_tensor, square_picture
from chiasm_encoders.nets.heads import PartHeads, Parts
from chiasm_encoders.nets.kernel_ridge import KernelRidge
from chiasm_encoders.nets.trunk import build_trunk
from chiasm_encoders.protocol import Vectors, empty_vectors, normalised

__all__ = ["ImageStudent", "ImageStudentEncoder", "build_image_student"]

#: Pictures are described at this size, whatever size the trunk sees.
_DESCRIBED_PIXELS = 64


class ImageStudent(nn.Module):
    """Vector `(batch, dim)` = text, graph, instance, pair and detail part, each scaled by its weight.

    The text part lies in the text teacher's space: against text vectors padded with zeros the cosine of the
    whole ranks as the cosine of the part does. Text and graph part are the mean of trunk and kernel
    regression.

    Args:
        trunk: `(batch, 6, size, size)` to a feature grid; has `channels`.
        heads: Parts from pooled features.
        kernel: Regression from descriptors to text and graph part.
        detail: Outline and colour of the picture itself.
        size: Pixels along a side for the trunk.
        weights: Weight of the parts "text", "graph", "instance", "pair", "detail" and of the "kernel" against
        the trunk.
    """

    def __init__(
        self,
        trunk: nn.Module,
        heads: PartHeads,
        kernel: KernelRidge,
        detail: DetailProjection,
        *,
        size: int,
        weights: Mapping[str, float],
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = heads
        self.descriptor = ShapeColourDescriptor()
        self.kernel = kernel
        self.detail = detail
        self.size = size
        self._weights = dict(weights)

    def learned(self, pictures: Tensor) -> Parts:
        """Parts by the trunk alone, for pictures `(batch, 3, size, size)` in [0, 1]: what training trains."""
        with mixed_precision(pictures.device, training=self.training):
            grid = self.trunk(orientation_channels(pictures))
        grid = grid.float()
        return self.heads(torch.cat([grid.mean((2, 3)), grid.amax((2, 3))], 1))  # (B, C, h, w) -> (B, 2C)

    def forward(self, pictures: Tensor) -> Tensor:
        """Vectors `(batch, dim)`, not yet normalised, for pictures of any one size in [0, 1]."""
        parts = self.learned(area_resize(pictures, self.size))
        described = area_resize(pictures, _DESCRIBED_PIXELS)
        text, graph = parts.text, parts.graph
        if len(self.kernel.landmarks):
            guess = self.kernel(self.descriptor(described))
            guess_text, guess_graph = guess.split([text.shape[1], graph.shape[1]], 1)
            text = _blended(text, guess_text, self._weights["kernel"])
            graph = _blended(graph, guess_graph, self._weights["kernel"])
        return self._joined(parts._replace(text=text, graph=graph), self.detail(described))

    @torch.no_grad()
    def fit_closed_form(self, pictures: Tensor, targets: Tensor, rows: Tensor, *, ridge: float) -> Tensor:
        """Fits what needs no gradient: detail axes and, given landmarks, the kernel regression.

        Returns vectors `(items, dim)` of the pictures as if each had been left out: the regression's own
        leave-one-out prediction, without the trunk, which remembers its pictures.

        Args:
            pictures: `(items, 3, any, any)` in [0, 1], all training pictures.
            targets: `(items, text_dim + graph_dim)`.
            rows: Landmarks among the items.
            ridge: Penalty of the regression.
        """
        described = area_resize(pictures, _DESCRIBED_PIXELS)
        self.detail.fit(described)
        parts = self.heads.sizes
        if not len(rows):
            return torch.cat([self.forward(piece) for piece in torch.split(pictures, 256)])
        left_out = self.kernel.fit(self.descriptor.fit(described), targets, rows, ridge=ridge)
        text, graph = (
            functional.normalize(p, dim=1) for p in torch.split(left_out, [parts.text, parts.graph], 1)
        )
        pieces = torch.split(pictures, 256)
        seen = [self.learned(area_resize(piece, self.size)) for piece in pieces]
        instance, pair = (
            torch.cat(some) for some in zip(*((one.instance, one.pair) for one in seen), strict=True)
        )
        return self._joined(Parts(text, graph, instance, pair), self.detail(described))

    def _joined(self, parts: Parts, detail: Tensor) -> Tensor:
        named = {**parts._asdict(), "detail": detail}
        # Students from before there were pairs have no weight of theirs, nor columns.
        return torch.cat([part * self._weights.get(name, 1.0) for name, part in named.items()], 1)


def _blended(learned: Tensor, guess: Tensor, weight: float) -> Tensor:
    """Unit rows between what the trunk and what the kernel regression says."""
    return functional.normalize(learned + weight * functional.normalize(guess, dim=1), dim=1)


def build_image_student(config: Mapping[str, Any]) -> ImageStudent:
    """An untrained student of the shape that its `config.json` describes."""
    trunk, channels = build_trunk(config["trunk"], channels_in=6, widths=config["widths"], stem_stride=4)
    heads = PartHeads(
        2 * channels,
        text_dim=config["text_dim"],
        graph_dim=config["graph_dim"],
        labels=config["labels"],
        instance_dim=config["instance_dim"],
        pair_dim=config.get("pair_dim", 0),
        dropout=config["dropout"],
    )
    kernel = KernelRidge(
        ShapeColourDescriptor.width, config["landmarks"], heads.sizes.text + heads.sizes.graph
    )
    return ImageStudent(
        trunk,
        heads,
        kernel,
        DetailProjection(config["detail_dim"], config["detail_colour"]),
        size=config["size"],
        weights=config["weights"],
    )


class ImageStudentEncoder:
    """Pictures to vectors by a trained student.

    Args:
        config: The content of its `config.json`.
        model: The student with its weights.
        device: Where it shall run.
    """

    modality = "image"
    _BATCH = 64

    def __init__(self, config: Mapping[str, Any], model: ImageStudent, *, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self.fingerprint = fingerprint_of(config, model.state_dict())
        model.eval().requires_grad_(False)
        self._model = model.to(self._device).to(memory_format=torch.channels_last)
        self._stored_size = int(config["stored_size"])
        #: Columns `(start, stop)` of each part of a vector.
        self.parts: dict[str, tuple[int, int]] = {name: (a, b) for name, (a, b) in config["parts"].items()}
        self.dim = max(stop for _, stop in self.parts.values())

    def encode(self, batch: Sequence[Any], /) -> Vectors:
        """Unit vectors of the pictures, `(batch, dim)`."""
        pieces = [empty_vectors(self.dim)]
        for start in range(0, len(batch), self._BATCH):
            # Through the size of the stored pictures, so that a query is blurred as the training pictures
            # were.
            squares = [
                square_picture(checked_picture(p), self._stored_size)
                for p in batch[start : start + self._BATCH]
            ]
            with torch.inference_mode():
                vectors = self._model(picture_tensor(np.stack(squares)).to(self._device))
            pieces.append(normalised(vectors.float().cpu().numpy()))
        return np.concatenate(pieces)
