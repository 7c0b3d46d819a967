"""The loss of one batch, term by term."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from chiasm_graph.link_prediction.batches import QueryBatch
from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.losses import (
    k_vs_all_loss,
    n3_loss,
    one_vs_all_loss,
    relation_loss,
    sampled_loss,
    self_adversarial_loss,
)
from chiasm_graph.link_prediction.model import LinkVectors

__all__ = ["batch_losses"]


def batch_losses(
    model: LinkVectors, batch: QueryBatch, config: LinkConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """Weighted losses of a batch by name; their sum is what is minimised.

    Args:
        model: What is trained.
        batch: Queries with tails.
        config: Which losses, and their weights.
        generator: Draws negatives.
    """
    heads = model.vectors(batch.heads)
    asked = functional.dropout(heads, config.dropout) if config.dropout else heads
    projected = model.scorer.project(asked, batch.relations)
    losses = {config.loss: _tail_loss(model, batch, config, projected, generator)}
    if config.n3:
        factors = model.scorer.entity_factors(heads), model.scorer.relation_factors(batch.relations)
        losses["n3"] = config.n3 * n3_loss(*factors, batch.counts)
    if config.relation_weight:
        ends = heads[batch.owners], model.vectors(batch.tails)
        losses["relation"] = config.relation_weight * relation_loss(
            model.scorer, ends[0], batch.relations[batch.owners], ends[1]
        )
    return losses


def _tail_loss(
    model: LinkVectors, batch: QueryBatch, config: LinkConfig, projected: Tensor, generator: torch.Generator
) -> Tensor:
    if config.loss == "self-adversarial":
        drawn = torch.randint(model.num_entities, (len(batch.tails), config.negatives), generator=generator)
        turned = projected[batch.owners]
        return self_adversarial_loss(
            model.scorer.compare(turned, model.vectors(batch.tails)),
            model.scorer.compare(turned.unsqueeze(1), model.vectors(drawn)),
            margin=config.margin,
            temperature=config.temperature,
        )
    if config.negatives and config.negatives < model.num_entities:
        drawn = torch.randint(model.num_entities, (config.negatives,), generator=generator)
        own = model.scorer.compare(projected[batch.owners], model.vectors(batch.tails))
        others = model.scorer.compare_all(projected, model.vectors(drawn))
        return sampled_loss(own, others, batch.owners, batch.tails, drawn, model.num_entities)
    scores = model.scorer.compare_all(projected, model.entities)
    loss = k_vs_all_loss if config.loss == "k-vs-all" else one_vs_all_loss
    return loss(scores, batch.owners, batch.tails, config.label_smoothing)
