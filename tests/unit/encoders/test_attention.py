"""Attention as written out for CPUs says what PyTorch's own says."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from chiasm_encoders.nets.attention import attend

_SHAPE = (3, 4, 5, 8)


def _asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, *_SHAPE, generator=generator)
    present = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    bias = torch.randn(present.shape, generator=generator).masked_fill(~present, -torch.inf)
    return query, key, value, bias[:, None, None]


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("how", ["half", "autocast", "single"])
def test_equals_the_library(how: str, with_bias: bool) -> None:
    query, key, value, bias = _asked()
    added = bias if with_bias else None
    wanted = functional.scaled_dot_product_attention(query, key, value, attn_mask=added)
    if how == "half":
        query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=how == "autocast"):
        found = attend(query, key, value, added)
    assert found.shape == _SHAPE
    torch.testing.assert_close(found.float(), wanted, atol=1e-6 if how == "single" else 0.03, rtol=0.02)


def test_what_is_left_out_has_no_say_and_gets_no_gradient() -> None:
    query, key, value, bias = (part.bfloat16() for part in _asked())
    value.requires_grad_()
    found = attend(query, key, value, bias)
    assert torch.equal(found[2], value[2, :, :1].expand_as(found[2]))
    found.sum().backward()
    assert value.grad is not None and torch.isfinite(value.grad).all()
    assert not value.grad[1, :, 2:].any() and value.grad[1, :, :2].all()
