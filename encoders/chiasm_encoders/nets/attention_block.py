"""A layer of a Transformer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.nets.attention import attend

__all__ = ["AttentionBlock"]


class AttentionBlock(nn.Module):
    """Pre-norm attention and feed-forward, each added to its input.

    Args:
        width: Of the tokens.
        heads: Of attention; divides ``width``.
        dropout: On both branches.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_forward = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """``(batch, tokens, width)`` to the same.

        ``bias`` ``(batch, 1, 1, tokens)`` is added to attention's logits.
        """
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (B, T, 3, H, W/H) -> 3 x (B, H, T, W/H)
        mixed = attend(query, key, value, bias)
        x = x + self.drop(self.out(mixed.transpose(1, 2).reshape(batch, tokens, width)))
        return x + self.drop(self.down(functional.gelu(self.up(self.norm_forward(x)))))
