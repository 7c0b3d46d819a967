"""BERT sentence models without the framework around them: half a second to load instead of ten.

Importing sentence-transformers costs more processor time than encoding thousands of texts, and every command,
worker and API process would pay it. The models that most catalogues use are a plain BERT with mean or CLS
pooling; these are run here, on the same weights and the same tokenizer library. All others go through
sentence-transformers itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from chiasm_encoders.nets.attention import attend

__all__ = ["BertSentenceModel", "load_bert_sentence_model", "padding_bias"]

_PLAIN = ("Transformer", "Pooling", "Normalize")
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True)
class BertConfig:
    """Shapes of a BERT encoder, as in its `config.json`."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    layer_norm_eps: float
    max_tokens: int
    pooling: str


class BertSentenceModel(nn.Module):
    """Token ids to sentence vectors.

    References:
        Devlin et al. 2019, "BERT", section 3; Reimers and Gurevych 2019, "Sentence-BERT", section 3 (pooling).

    Args:
        config: Shapes.
        weights: Tensors of a `BertModel`, by the names that Hugging Face gives them.
    """

    def __init__(self, config: BertConfig, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Parameter(weights["embeddings.word_embeddings.weight"])
        # One sentence only, so the segment is always the first.
        places = weights["embeddings.position_embeddings.weight"]
        self.places = nn.Parameter(places + weights["embeddings.token_type_embeddings.weight"][0])
        self.norm = _norm(weights, "embeddings.LayerNorm", config)
        self.layers = nn.ModuleList(
            _Layer(config, weights, f"encoder.layer.{n}.") for n in range(config.num_hidden_layers)
        )

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Vectors, ``(batch, hidden_size)``, not normalised.

        Args:
            tokens: ``(batch, tokens)`` int64.
            mask: ``(batch, tokens)`` bool, true where there is a token.
        """
        x = self.norm(F.embedding(tokens, self.words) + self.places[: tokens.shape[1]])  # (B, T) -> (B, T, D)
        bias = padding_bias(mask, x.dtype)
        for layer in self.layers:
            x = layer(x, bias)
        if self.config.pooling == "cls":
            return x[:, 0]
        kept = mask[..., None].to(x.dtype)
        return (x * kept).sum(1) / kept.sum(1)  # (B, T, D) -> (B, D)


def padding_bias(mask: Tensor, dtype: torch.dtype) -> Tensor | None:
    """What attention adds to leave padding out, ``(batch, 1, 1, tokens)``; None where ``mask`` is true throughout."""
    if bool(mask.all()):
        return None
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -torch.inf)[
        :, None, None
    ]


class _Layer(nn.Module):
    def __init__(self, config: BertConfig, weights: Mapping[str, Tensor], name: str) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        # One product instead of three.
        self.qkv = _linear(
            torch.cat([weights[f"{part}.weight"] for part in parts]),
            torch.cat([weights[f"{part}.bias"] for part in parts]),
        )
        self.mix = _named(weights, f"{name}attention.output.dense")
        self.mix_norm = _norm(weights, f"{name}attention.output.LayerNorm", config)
        self.widen = _named(weights, f"{name}intermediate.dense")
        self.narrow = _named(weights, f"{name}output.dense")
        self.norm = _norm(weights, f"{name}output.LayerNorm", config)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        batch, tokens, dim = x.shape
        # (B, T, 3D) -> three of (B, heads, T, D / heads)
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        attended = attend(q, k, v, bias)
        x = self.mix_norm(x + self.mix(attended.transpose(1, 2).reshape(batch, tokens, dim)))
        return self.norm(x + self.narrow(F.gelu(self.widen(x))))


def load_bert_sentence_model(folder: Path) -> tuple[BertSentenceModel, Any] | None:
    """The model and its tokenizer, or None if the folder holds anything but a plain BERT with mean or CLS pooling.

    Args:
        folder: A sentence-transformers model folder with safetensors weights.
    """
    config = _read_config(folder)
    if config is None:
        return None
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    weights = {
        name.removeprefix("bert."): tensor.float()
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config.max_tokens)
    tokenizer.enable_padding()
    try:
        return BertSentenceModel(config, weights), tokenizer
    except KeyError:
        # Other names: some other BERT; sentence-transformers knows more of them.
        return None


def _read_config(folder: Path) -> BertConfig | None:
    files = ("modules.json", "config.json", "1_Pooling/config.json", "tokenizer.json", "model.safetensors")
    if not all((folder / name).is_file() for name in files):
        return None
    modules, bert, pooling = (json.loads((folder / n).read_text(encoding="utf-8")) for n in files[:3])
    kinds = tuple(str(module["type"]).rsplit(".", 1)[-1] for module in modules)
    chosen = pooling.get("pooling_mode") or [n for key, n in _POOLINGS.items() if pooling.get(key)]
    chosen = [chosen] if isinstance(chosen, str) else chosen
    others = [
        key for key, on in pooling.items() if key.startswith("pooling_mode_") and on and key not in _POOLINGS
    ]
    plain = (
        kinds in (_PLAIN, _PLAIN[:2])
        and not modules[0].get("path")
        and bert.get("model_type") == "bert"
        and bert.get("hidden_act") == "gelu"
        and bert.get("position_embedding_type", "absolute") == "absolute"
        and not others
        and len(chosen) == 1
        and chosen[0] in _POOLINGS.values()
    )
    if not plain:
        return None
    settings = folder / "sentence_bert_config.json"
    limits = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    if limits.get("do_lower_case"):
        return None
    return BertConfig(
        hidden_size=bert["hidden_size"],
        intermediate_size=bert["intermediate_size"],
        num_attention_heads=bert["num_attention_heads"],
        num_hidden_layers=bert["num_hidden_layers"],
        layer_norm_eps=bert["layer_norm_eps"],
        max_tokens=limits.get("max_seq_length") or bert["max_position_embeddings"],
        pooling=chosen[0],
    )


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(bias)
    return made


def _named(weights: Mapping[str, Tensor], name: str) -> nn.Linear:
    return _linear(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(weights: Mapping[str, Tensor], name: str, config: BertConfig) -> nn.LayerNorm:
    made = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps, device="meta")
    made.weight, made.bias = nn.Parameter(weights[f"{name}.weight"]), nn.Parameter(weights[f"{name}.bias"])
    return made
