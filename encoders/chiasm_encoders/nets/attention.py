"""Attention over the few tokens of names, sentences and fused items."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["attend"]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """`scaled_dot_product_attention` of three ``(batch, heads, tokens, head dim)``; returns one of that shape.

    Written out where a CPU computes in half precision: there the flash kernel takes two to four times as long for
    fewer than a hundred tokens.

    Args:
        query: Who asks.
        key: Who is asked.
        value: What they say.
        bias: ``(batch, 1, 1, tokens)``, added to the logits; -inf leaves a key out, which at least one of each item
            must escape. None for nothing.
    """
    half = query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    if query.device.type != "cpu" or not half:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    batch, heads, tokens, dim = query.shape
    query, key, value = (part.reshape(batch * heads, tokens, dim) for part in (query, key, value))
    added = query.new_zeros(1, 1, 1)
    if bias is not None:
        added = bias.to(query.dtype).expand(batch, heads, 1, tokens).reshape(batch * heads, 1, tokens)
    weights = torch.baddbmm(added, query, key.transpose(1, 2), alpha=dim**-0.5).softmax(-1)
    return torch.bmm(weights, value).view(batch, heads, tokens, dim)
