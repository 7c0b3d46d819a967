"""Fits GNN and Transformer together on batches of views."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from chiasm.fusion.anchors import start_from_anchors
from chiasm.fusion.losses import InfoNce
from chiasm.fusion.recipe import Recipe
from chiasm.fusion.runtime import build_gnn
from chiasm.fusion.tasks import GraphTask, MaskedTask, ViewsTask
from chiasm.fusion.tokens import TokenBatch
from chiasm.fusion.transformer import FusionTransformer, build_fusion
from chiasm.training.dataset import Dataset
from chiasm.training.mixing import TaskMixer
from chiasm.training.side_tasks import SideTasks, build_side_tasks
from chiasm.training.view_batch import ViewBatch
from chiasm.training.views import ViewSampler
from chiasm_graph import ComplexScorer, NeighbourGnn, NodeFeatures, PathCoder, Triples

__all__ = ["FusionFit", "build_fit"]


class FusionFit(nn.Module):
    """GNN, Transformer and task heads: a batch in, losses by name out.

    Args:
        fusion: The Transformer.
        gnn: None without a graph.
        tasks: "views", "words", "graph" and "masked".
        features: What nodes are known by.
        log_degrees: Of the training graph, ``(nodes,)``.
        mixer: Makes one loss of the many.
        side: Further tasks of the recipe; None without.
        paths: Trees whose paths are tokens; the sampler makes them.
    """

    def __init__(
        self,
        fusion: FusionTransformer,
        gnn: NeighbourGnn | None,
        tasks: nn.ModuleDict,
        features: NodeFeatures,
        log_degrees: Tensor,
        mixer: TaskMixer,
        side: SideTasks | None = None,
        paths: PathCoder | None = None,
    ) -> None:
        super().__init__()
        self.paths = paths
        self.fusion = fusion
        self.gnn = gnn
        self.tasks = tasks
        self.scorer: ComplexScorer | None = (
            cast(GraphTask, tasks["graph"]).scorer if "graph" in tasks else None
        )
        self.features = features
        self.register_buffer("log_degrees", log_degrees, persistent=False)
        self.side = side
        self.mixer = mixer

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.fusion.summary.device

    def forward(self, batch: ViewBatch) -> dict[str, Tensor]:
        """Losses by task name, each a scalar; the batch lies where the weights do."""
        entities = batch.entities
        if self.gnn is not None and len(batch.graph_rows):
            tokens = self.gnn(batch.trees, self.features, self.log_degrees)
            entities = TokenBatch(
                entities.size,
                {**entities.values, "graph": tokens},
                {**entities.owners, "graph": batch.graph_rows},
            )
        queries = cast(Tensor, self.fusion(batch.queries))
        columns = cast(Tensor, self.fusion(entities))
        cut, at = batch.num_views, torch.arange(len(queries), device=queries.device)
        losses = {"views": self.tasks["views"](queries[:cut], columns, at[:cut], batch.ignore[:cut])}
        if cut < len(queries):
            losses["words"] = self.tasks["words"](queries[cut:], columns, at[cut:], batch.ignore[cut:])
        if len(batch.heads) and "graph" in self.tasks:
            tails = cast(Tensor, self.fusion(batch.tails))
            targets = torch.arange(len(tails), device=tails.device)
            losses["graph"] = self.tasks["graph"](
                columns[batch.heads], batch.relations, tails, targets, batch.tails_ignore
            )
        if batch.hidden:
            losses["masked"] = self.tasks["masked"](columns, batch.hidden)
        if self.side is not None:
            losses |= self.side(batch, queries, columns, entities, self.fusion)
        return losses


def build_fit(data: Dataset, sampler: ViewSampler, graph: Triples, recipe: Recipe, seed: int) -> FusionFit:
    """Model and tasks with starting weights."""
    dims = {m: v.shape[1] for m, v in data.features.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gnn = None
        kinds = dict(dims)
        if len(graph):
            gnn = build_gnn(recipe.graph, dims, graph.num_relations)
            kinds["graph"] = recipe.graph.dim
        if sampler.paths is not None:
            kinds["path"] = dims["text"]
        fusion = build_fusion(recipe.fusion, kinds, seed=seed)
        start_from_anchors(fusion, gnn, sampler.pooled, data.shared_columns)
        prefixes, heat = recipe.fusion.prefixes, recipe.training.temperature
        tasks = nn.ModuleDict(
            {
                "views": ViewsTask(InfoNce(prefixes, heat)),
                "words": ViewsTask(InfoNce(prefixes, heat)),
                "masked": MaskedTask(_guesses(fusion, dims)),
            }
        )
        if len(graph):
            scorer = ComplexScorer(2 * graph.num_relations, recipe.fusion.dim)
            tasks["graph"] = GraphTask(scorer, InfoNce((), heat))
        features = NodeFeatures(
            {m: v for m, (v, _) in sampler.pooled.items()}, {m: p for m, (_, p) in sampler.pooled.items()}
        )
        # Drawn last, so that the weights of the others start the same whether there are any or not.
        side = build_side_tasks(data, recipe, recipe.fusion.dim)
        mixer = TaskMixer(recipe, [*tasks, *(side.tasks if side is not None else ())])
        degrees = NeighbourGnn.log_degrees(graph)
        return FusionFit(fusion, gnn, tasks, features, degrees, mixer, side, sampler.paths)


def _guesses(fusion: FusionTransformer, dims: dict[str, int]) -> nn.ModuleDict:
    """Linear maps back to each modality, started as the transposed projections."""
    heads = nn.ModuleDict()
    for modality, width in dims.items():
        head = nn.Linear(fusion.dim, width, bias=False)
        with torch.no_grad():
            head.weight.copy_(cast(nn.Linear, fusion.projections[modality]).weight.T)
        heads[modality] = head
    return heads
