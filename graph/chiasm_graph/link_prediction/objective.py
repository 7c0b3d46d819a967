"""The loss of one batch, term by term."""

from __future__ import annotations

from collections.abc import Callable

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
from chiasm_graph.link_prediction.row_step import RowStep
from chiasm_graph.link_prediction.table_step import TableStep

__all__ = ["batch_losses", "draws_negatives"]


def draws_negatives(config: LinkConfig, num_entities: int) -> bool:
    """Whether some entities are drawn as negatives; as many as there are, or none, stand for all."""
    return config.loss == "self-adversarial" or 0 < config.negatives < num_entities


def batch_losses(
    model: LinkVectors,
    batch: QueryBatch,
    config: LinkConfig,
    generator: torch.Generator,
    steps: RowStep | None = None,
) -> dict[str, Tensor]:
    """Weighted losses of a batch by name; their sum is what is minimised.

    Args:
        model: What is trained.
        batch: Queries with tails.
        config: Which losses, and their weights.
        generator: Draws negatives.
        steps: Keeps the slopes of the entities' vectors; None leaves that to autograd.
    """
    vectors = model.vectors if steps is None else steps.rows
    sampled = draws_negatives(config, model.num_entities)
    own = config.relation_weight > 0 or sampled
    ends = vectors(torch.cat([batch.heads, batch.tails]) if own else batch.heads)
    heads, tails = ends[: len(batch.heads)], ends[len(batch.heads) :]
    asked = functional.dropout(heads, config.dropout) if config.dropout else heads
    projected = model.scorer.project(asked, batch.relations)
    if isinstance(steps, TableStep):
        found = steps.one_vs_all(projected, batch.owners, batch.tails, config.label_smoothing)
    elif sampled:
        found = _sampled(model, batch, config, projected, tails, generator, vectors)
    else:
        scores = model.scorer.compare_all(projected, model.entities)
        loss = k_vs_all_loss if config.loss == "k-vs-all" else one_vs_all_loss
        found = loss(scores, batch.owners, batch.tails, config.label_smoothing)
    losses = {config.loss: found}
    if config.n3:
        factors = model.scorer.entity_factors(heads), model.scorer.relation_factors(batch.relations)
        losses["n3"] = config.n3 * n3_loss(*factors, batch.counts)
    if config.relation_weight:
        losses["relation"] = config.relation_weight * relation_loss(
            model.scorer, heads.index_select(0, batch.owners), batch.relations[batch.owners], tails
        )
    return losses


def _sampled(
    model: LinkVectors,
    batch: QueryBatch,
    config: LinkConfig,
    projected: Tensor,
    tails: Tensor,
    generator: torch.Generator,
    vectors: Callable[[Tensor], Tensor],
) -> Tensor:
    count, scorer = model.num_entities, model.scorer
    turned = projected.index_select(0, batch.owners)
    own = scorer.compare(turned, tails)
    if config.loss == "self-adversarial":
        drawn = torch.randint(count, (len(batch.tails), config.negatives), generator=generator)
        others = scorer.compare(turned.unsqueeze(1), vectors(drawn))
        return self_adversarial_loss(own, others, margin=config.margin, temperature=config.temperature)
    drawn = torch.randint(count, (config.negatives,), generator=generator)
    others = scorer.compare_all(projected, vectors(drawn))
    return sampled_loss(own, others, batch.owners, batch.tails, drawn, count)
