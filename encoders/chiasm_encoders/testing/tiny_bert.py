"""A plain BERT of a few thousand random weights that reads single letters, as a sentence-transformers folder."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["write_tiny_bert"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def write_tiny_bert(folder: Path, *, dim: int = 16, layers: int = 2, seed: int = 0) -> Path:
    """The folder, filled; `sentence-transformers:FOLDER` opens it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    known = string.ascii_lowercase + string.digits
    vocabulary = [*_SPECIAL, *known, *(f"##{letter}" for letter in known)]
    tokenizer = Tokenizer(
        models.WordPiece({word: number for number, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": dim,
        "intermediate_size": 2 * dim,
        "num_attention_heads": 2,
        "num_hidden_layers": layers,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 32,
        "vocab_size": len(vocabulary),
    }
    steps = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    for name, content in (
        ("config.json", config),
        ("modules.json", steps),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": True}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    save_file(_weights(len(vocabulary), dim, layers, seed), folder / "model.safetensors")
    return folder


def _weights(words: int, dim: int, layers: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"word_embeddings": words, "position_embeddings": 32, "token_type_embeddings": 2}
    weights = {
        f"embeddings.{name}.weight": 0.5 * torch.randn(rows, dim, generator=generator)
        for name, rows in shapes.items()
    }
    weights |= _norm("embeddings.LayerNorm", dim)
    for number in range(layers):
        at = f"encoder.layer.{number}."
        sizes = {f"attention.self.{part}": (dim, dim) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (dim, dim), "intermediate.dense": (2 * dim, dim)}
        sizes |= {"output.dense": (dim, 2 * dim)}
        for name, (rows, columns) in sizes.items():
            weights[f"{at}{name}.weight"] = 0.1 * torch.randn(rows, columns, generator=generator)
            weights[f"{at}{name}.bias"] = torch.zeros(rows)
        weights |= _norm(f"{at}attention.output.LayerNorm", dim) | _norm(f"{at}output.LayerNorm", dim)
    return weights


def _norm(name: str, dim: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.ones(dim), f"{name}.bias": torch.zeros(dim)}
