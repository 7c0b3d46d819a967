"""Tasks that a recipe may add to views, words, graph and masked modality."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from chiasm.fusion.losses import Adversarial, Hardest, class_weights
from chiasm.fusion.recipe import Recipe
from chiasm.fusion.schedules import scheduled
from chiasm.fusion.tasks import ConsistencyTask, DomainTask, HardTask, LabelTask
from chiasm.fusion.tokens import TokenBatch
from chiasm.training.dataset import Dataset
from chiasm.training.view_batch import ViewBatch

__all__ = ["SideTasks", "build_side_tasks"]


class SideTasks(nn.Module):
    """Labels, hard negatives, domains and consistency: those that the recipe gives a weight.

    Args:
        tasks: By name; what is not there is off.
        codes: Class of each entity, -1 where unknown or held out, ``(targets, entities)``.
        by_query: Targets that are read from the query's side, as the entity's own edges hold the answer.
        domains: Number of each entity's domain, ``(entities,)``.
        recipe: Schedules and noise.
    """

    def __init__(
        self, tasks: nn.ModuleDict, codes: Tensor, by_query: list[bool], domains: Tensor, recipe: Recipe
    ) -> None:
        super().__init__()
        self.tasks = tasks
        self.by_query = by_query
        self.recipe = recipe
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("domains", domains, persistent=False)

    def forward(
        self,
        batch: ViewBatch,
        queries: Tensor,
        columns: Tensor,
        entities: TokenBatch,
        fuse: Callable[[TokenBatch], Tensor],
    ) -> dict[str, Tensor]:
        """Losses by name.

        Args:
            batch: Who is in it.
            queries: Fused queries, ``(rows, dim)``.
            columns: Fused entities, ``(rows, dim)``.
            entities: Tokens of the entities, graph tokens among them.
            fuse: Reads them again.
        """
        losses: dict[str, Tensor] = {}
        views = slice(0, batch.num_views)
        if "labels" in self.tasks:
            codes = cast(Tensor, self.codes)[:, batch.entity[views]]
            sides = [(queries if query else columns)[views] for query in self.by_query]
            losses["labels"] = self.tasks["labels"](sides, codes)
        if "hard" in self.tasks:
            at = torch.arange(len(queries), device=queries.device)
            losses["hard"] = self.tasks["hard"](
                queries, columns, at, batch.ignore, batch.entity, batch.source
            )
        if "domain" in self.tasks:
            domains = cast(Tensor, self.domains)[batch.entity[views]]
            strength = scheduled("ganin", 1.0, batch.done)
            losses["domain"] = self.tasks["domain"](columns[views], domains, strength)
        if "consistency" in self.tasks:
            again = fuse(_noisy(entities, self.recipe.consistency.noise))
            losses["consistency"] = self.tasks["consistency"](columns, again)
        return losses


def _noisy(batch: TokenBatch, share: float) -> TokenBatch:
    values = {}
    for kind, rows in batch.values.items():
        noise = torch.randn_like(rows) * (share / rows.shape[-1] ** 0.5)
        values[kind] = rows + noise * rows.norm(dim=-1, keepdim=True)
    return batch._replace(values=values)


def build_side_tasks(data: Dataset, recipe: Recipe, dim: int) -> SideTasks | None:
    """The tasks with starting weights; None where the recipe has none of them."""
    weights, tasks = recipe.tasks, nn.ModuleDict()
    targets = [target for target in data.labels if len(target.classes) >= 2]
    codes = np.full((len(targets), data.num_entities), -1)
    for number, target in enumerate(targets):
        known = target.known("train")
        codes[number, known] = target.codes[known]
    if weights.labels > 0 and targets:
        heads = nn.ModuleList([nn.Linear(dim, len(target.classes)) for target in targets])
        counts = [
            torch.bincount(torch.from_numpy(row[row >= 0]), minlength=len(target.classes))
            for row, target in zip(codes, targets, strict=True)
        ]
        tasks["labels"] = LabelTask(heads, [class_weights(count) for count in counts])
    if weights.hard > 0:
        loss = Hardest(recipe.hard.negatives, recipe.hard.skip, recipe.training.temperature)
        tasks["hard"] = HardTask(loss, dim, recipe.hard.memory)
    names, domains = np.unique(data.domain.astype(str), return_inverse=True)
    if weights.domain > 0 and len(names) > 1:
        adversarial = recipe.domain.loss == "adversarial"
        judge = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, len(names)))
        tasks["domain"] = DomainTask(
            Adversarial(judge) if adversarial else None, "coral" if adversarial else recipe.domain.loss
        )
    if weights.consistency > 0:
        tasks["consistency"] = ConsistencyTask()
    if not tasks:
        return None
    by_query = [target.kind == "relation" for target in targets]
    return SideTasks(
        tasks, torch.from_numpy(codes), by_query, torch.from_numpy(domains.astype(np.int64)), recipe
    )
