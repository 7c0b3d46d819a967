"""The fusion Transformer: tokens of an item in, one unit vector out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm.fusion.recipe import FusionConfig
from chiasm.fusion.tokens import KINDS, TokenBatch
from chiasm_encoders.nets.attention_block import AttentionBlock

__all__ = ["FusionTransformer", "Padded", "build_fusion"]


class Padded(NamedTuple):
    """Projected tokens of a batch, padded."""

    #: (batch, tokens, dim)
    tokens: Tensor
    #: (batch, tokens) index into KINDS
    kinds: Tensor
    #: (batch, tokens) bool, False where there is no token
    present: Tensor
    #: (batch, tokens) logarithm of each token's share before learning: kinds weigh the same
    prior: Tensor


class FusionTransformer(nn.Module):
    """An item's fused vector: a learned mean of its projected tokens, corrected by a Transformer.

    ``token = projection_kind(feature)`` lies in one anchor space from the start (see
    `chiasm.fusion.anchors`); the Transformer reads ``token + kind embedding`` beside a summary token and
    gives
    each token its share in the mean and, through the summary, a correction that starts at zero. So an
    untrained
    model is the mean of what is there, and training can only be as far from it as the data asks for.

    Args:
        projections: Kind to a linear map into ``dim``.
        blocks: The encoder.
        dim: Width of the fused vector.
        width: Width inside.
    """

    def __init__(self, projections: nn.ModuleDict, blocks: nn.ModuleList, dim: int, width: int) -> None:
        super().__init__()
        self.dim = dim
        self.projections = projections
        self.blocks = blocks
        self.enter = nn.Linear(dim, width)
        # Without paths as many as before there were any: such models stay readable, and the same for a seed.
        kinds = len(KINDS) if "path" in projections else len(KINDS) - 1
        self.kind = nn.Embedding(kinds, width)
        self.summary = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 1, bias=False)
        self.kind_gate = nn.Embedding(kinds, 1)
        self.correct = nn.Linear(width, dim)
        nn.init.normal_(self.kind.weight, std=0.02)
        nn.init.normal_(self.summary, std=0.02)
        for zero in (self.gate.weight, self.kind_gate.weight, self.correct.weight, self.correct.bias):
            nn.init.zeros_(zero)

    def forward(self, batch: TokenBatch) -> Tensor:
        """Fused vectors of unit length, ``(size, dim)``; every item needs a token."""
        padded = self.pad(batch)
        # The bound keeps the gradient of a token near zero finite in half precision.
        tokens = functional.normalize(padded.tokens, dim=-1, eps=1e-3)
        # Scaled so that entries are of order one whatever the dimension.
        x = self.enter(tokens * self.dim**0.5) + self.kind(padded.kinds)
        x = torch.cat([self.summary.expand(len(x), 1, -1), x], dim=1)
        bias = functional.pad(padded.prior, (1, 0)).masked_fill(
            ~functional.pad(padded.present, (1, 0), value=True), -1e4
        )
        for block in self.blocks:
            x = block(x, bias[:, None, None, :].to(x.dtype))
        # Unit length: Adam moves all weights alike, and a long input would let the correction drown the mean
        # within a few steps.
        x = self.norm(x) / x.shape[-1] ** 0.5
        gates = self.gate(x[:, 1:]).squeeze(-1) + self.kind_gate(padded.kinds).squeeze(-1) + padded.prior
        shares = gates.masked_fill(~padded.present, -1e4).softmax(dim=-1)
        mean = functional.normalize((shares.unsqueeze(-1) * tokens).sum(1), dim=-1)  # (B, T, D) -> (B, D)
        return functional.normalize(mean + self.correct(x[:, 0]), dim=-1)

    def pad(self, batch: TokenBatch) -> Padded:
        """Project the tokens and line them up by item."""
        flat, kinds, owners, priors = [], [], [], []
        for index, kind in enumerate(KINDS):
            if kind not in batch.values or not len(batch.values[kind]):
                continue
            owner = batch.owners[kind]
            count = torch.bincount(owner, minlength=batch.size)[owner]
            prior = -count.to(torch.float32).log()
            flat.append(cast(Tensor, self.projections[kind](batch.values[kind])))
            kinds.append(torch.full_like(owner, index))
            owners.append(owner)
            priors.append(prior if batch.log_weights is None else prior + batch.log_weights[kind])
        owner = torch.cat(owners)
        order = torch.argsort(owner, stable=True)
        owner = owner[order]
        count = torch.bincount(owner, minlength=batch.size)
        slot = torch.arange(len(owner), device=owner.device) - (count.cumsum(0) - count)[owner]
        values = torch.cat(flat)[order]
        shape = (batch.size, int(count.max()))
        tokens = values.new_zeros(*shape, self.dim).index_put((owner, slot), values)
        kind_ids = torch.zeros(shape, dtype=torch.int64, device=owner.device)
        present = torch.zeros(shape, dtype=torch.bool, device=owner.device)
        prior = torch.zeros(shape, device=owner.device)
        kind_ids[owner, slot] = torch.cat(kinds)[order]
        present[owner, slot] = True
        prior[owner, slot] = torch.cat(priors)[order]
        return Padded(tokens, kind_ids, present, prior)


def build_fusion(
    config: FusionConfig, feature_dims: Mapping[str, int], *, seed: int = 0
) -> FusionTransformer:
    """A Transformer with fresh weights for the kinds in ``feature_dims``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        projections = nn.ModuleDict(
            {k: nn.Linear(feature_dims[k], config.dim, bias=False) for k in KINDS if k in feature_dims}
        )
        blocks = nn.ModuleList(
            [AttentionBlock(config.width, config.heads, config.dropout) for _ in range(config.layers)]
        )
        return FusionTransformer(projections, blocks, config.dim, config.width)
