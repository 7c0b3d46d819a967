"""A Transformer of few layers beside the mean of token vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.nets.attention_block import AttentionBlock
from chiasm_encoders.text.students.static import StaticTextStudent, token_mean

__all__ = ["TransformerTextStudent"]

#: Tokens that have a place of their own; queries are short.
MAX_PLACES = 64


class TransformerTextStudent(StaticTextStudent):
    """What tokens say of each other beyond their mean, by pre-norm attention layers.

    Args:
        vocabulary: Tokens.
        width: Length of a token's vector; widened to `hidden` for the layers (a factorised table).
        dim: Length of the teacher's vectors.
        hidden: Width of the layers.
        layers: Number of them.
        heads: Of each.

    References:
        Vaswani et al. 2017, "Attention is all you need"; Lan et al. 2020, "ALBERT", section 3.1 (factorised table);
        Turc et al. 2019, "Well-read students learn better".
    """

    def __init__(self, vocabulary: int, width: int, dim: int, hidden: int, layers: int, heads: int) -> None:
        super().__init__(vocabulary, width, dim)
        self.enter = nn.Linear(width, hidden)
        self.places = nn.Parameter(0.02 * torch.randn(MAX_PLACES, hidden))
        self.layers = nn.ModuleList(AttentionBlock(hidden, heads, 0.0) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.add = nn.Linear(hidden, dim)
        nn.init.zeros_(self.add.weight)
        nn.init.zeros_(self.add.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors `(batch, dim)` of tokens `(batch, tokens)`, padding where the mask is false."""
        table = self.table(ids)
        x = self.enter(table) + self.places[: ids.shape[1]]
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        read = self.add(token_mean(self.norm(x), mask))
        return functional.normalize(self.widen(token_mean(table, mask)) + read, dim=-1)
