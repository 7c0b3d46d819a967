"""A BERT sentence model whose upper layers learn while the lower ones are read once."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.batches import length_batches
from chiasm_encoders.device import mixed_precision
from chiasm_encoders.distil.mark import drop_mark, write_mark
from chiasm_encoders.durable import write_whole
from chiasm_encoders.errors import MissingPackageError
from chiasm_encoders.text.bert import BertSentenceModel, load_bert_sentence_model, padding_bias

__all__ = ["TunedLayers", "write_tuned"]

_WEIGHTS = "model.safetensors"
_CHUNK = 256
#: Products of a layer that low-rank updates can change.
_MATRICES = ("qkv", "mix", "widen", "narrow")
#: Tokens, padding included, that go through the trained layers at once. Words and phrases differ so much in length that
#: in larger pieces a third of the tokens is padding.
_CELLS, _CELLS_CPU = 8192, 512


class TunedLayers:
    """The upper layers of a model, and what the lower ones say about given texts.

    Args:
        model: In float32.
        tokenizer: A `tokenizers.Tokenizer`.
        frozen: Layers that stay as they are; at least one learns.
        device: Where it runs.
    """

    def __init__(self, model: BertSentenceModel, tokenizer: Any, frozen: int, device: torch.device) -> None:
        self._device = device
        self._model = model.to(device).train().requires_grad_(False)
        self._tokenizer = tokenizer
        self.first = max(0, min(frozen, len(model.layers) - 1))
        self.trained = nn.ModuleList(list(model.layers)[self.first :]).requires_grad_(True)
        self._hidden: list[Tensor] = []

    def learn_updates(self, rank: int, alpha: int, seed: int) -> None:
        """From now on updates of the given rank learn; they begin as nothing.

        Args:
            rank: Of the product of two matrices that is added to a weight matrix.
            alpha: The product counts by this over the rank.
            seed: Of the first of the two matrices.

        Raises:
            MissingPackageError: peft is not installed.
        """
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise MissingPackageError(
                "low-rank updates (lora_rank) need peft",
                where="text tuning",
                remedy="install it: pip install 'chiasm[lora]', or set lora_rank to 0",
            ) from error
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(_MATRICES))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inject_adapter_in_model(config, self.trained)

    @classmethod
    def open(cls, folder: Path, frozen: int, max_tokens: int, device: torch.device) -> TunedLayers | None:
        """The layers of the model in a folder; None if it is no plain BERT."""
        loaded = load_bert_sentence_model(folder)
        if loaded is None:
            return None
        model, tokenizer = loaded
        tokenizer.enable_truncation(min(max_tokens, model.config.max_tokens))
        tokenizer.no_padding()
        return cls(model, tokenizer, frozen, device)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> None:
        """Take in the texts that `encode` names by row."""
        tokens = [torch.tensor(one.ids) for one in self._tokenizer.encode_batch(list(texts))]
        self._hidden = tokens
        order = np.argsort([len(t) for t in tokens], kind="stable")
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            with mixed_precision(self._device, training=True):
                padded, mask = self._padded(rows)
                x = functional.embedding(padded, self._model.words)
                x = self._model.norm(x + self._model.places[: padded.shape[1]])
                x = self._through(self._model.layers[: self.first], x, mask)
            for row, states in zip(rows, x, strict=True):
                self._hidden[row] = states[: len(tokens[row])].to(x.dtype)

    def encode(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """Unit vectors of texts that were read, `(rows, dim)`, with gradients to the trained layers."""
        lengths = [len(self._hidden[row]) for row in rows]
        pieces = list(length_batches(lengths, _CELLS_CPU if self._device.type == "cpu" else _CELLS))
        vectors = torch.cat([self._forward(rows[piece]) for piece in pieces])
        return vectors[torch.from_numpy(np.argsort(np.concatenate(pieces))).to(self._device)]

    def _forward(self, rows: npt.NDArray[np.int64]) -> Tensor:
        x, mask = self._padded(rows)
        with mixed_precision(self._device, training=True):
            x = self._through(self.trained, x, mask).float()
        if self._model.config.pooling == "cls":
            return functional.normalize(x[:, 0], dim=-1)
        kept = mask[..., None].to(x.dtype)
        return functional.normalize((x * kept).sum(1) / kept.sum(1), dim=-1)  # (B, T, D) -> (B, D)

    def _through(self, layers: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
        bias = padding_bias(mask, x.dtype)
        for layer in layers:
            x = layer(x, bias)
        return x

    def _padded(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """What is known of these texts, padded, and where there is a token."""
        known = [self._hidden[row].to(self._device) for row in rows]
        lengths = torch.tensor([len(k) for k in known], device=self._device)
        padded = nn.utils.rnn.pad_sequence(known, batch_first=True)
        return padded, torch.arange(padded.shape[1], device=self._device)[None, :] < lengths[:, None]

    def weights(self) -> dict[str, Tensor]:
        """The trained tensors by the names that Hugging Face gives them."""
        names = {"mix": "attention.output.dense", "mix_norm": "attention.output.LayerNorm"}
        names |= {"widen": "intermediate.dense", "narrow": "output.dense", "norm": "output.LayerNorm"}
        found: dict[str, Tensor] = {}
        for number, layer in enumerate(self.trained, self.first):
            for name, tensor in _plain(layer).items():
                part, _, kind = name.partition(".")
                prefix = f"encoder.layer.{number}."
                if part == "qkv":
                    for which, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                        found[f"{prefix}attention.self.{which}.{kind}"] = third
                else:
                    found[f"{prefix}{names[part]}.{kind}"] = tensor
        return found


def _plain(layer: nn.Module) -> dict[str, Tensor]:
    """The tensors of a layer, low-rank updates added to the weights that they change."""
    state = layer.state_dict()
    found = {
        name.replace(".base_layer", ""): tensor for name, tensor in state.items() if ".lora_" not in name
    }
    adapted: dict[str, Any] = {n: m for n, m in layer.named_children() if hasattr(m, "get_delta_weight")}
    for name, module in adapted.items():
        for adapter in module.active_adapters:
            found[f"{name}.weight"] = found[f"{name}.weight"] + module.get_delta_weight(adapter).detach()
    return found


def write_tuned(out: Path, source: Path, layers: TunedLayers, run: str) -> None:
    """Write the source's folder with the trained tensors in place of its own, in half precision."""
    out.mkdir(parents=True, exist_ok=True)
    drop_mark(out)
    weights = load_file(source / _WEIGHTS)
    outer = "bert." if any(name.startswith("bert.") for name in weights) else ""
    weights |= {outer + name: tensor for name, tensor in layers.weights().items()}
    plain = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous().clone()
        for name, tensor in weights.items()
    }
    for path in source.iterdir():
        if path.suffix in (".json", ".txt"):
            shutil.copyfile(path, out / path.name)
        elif path.is_dir() and (path / "config.json").is_file():
            (out / path.name).mkdir(exist_ok=True)
            shutil.copyfile(path / "config.json", out / path.name / "config.json")
    write_whole(out / _WEIGHTS, save(plain, {"format": "pt"}))
    write_mark(out, run)
