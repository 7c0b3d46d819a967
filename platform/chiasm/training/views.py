"""Batches of views: what a query could hold, and what its entity could then still have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm.fusion.recipe import Recipe
from chiasm.fusion.schedules import scheduled
from chiasm.fusion.tokens import TokenBatch, thin
from chiasm.training.dataset import Dataset
from chiasm.training.membership import PairSet
from chiasm.training.paths import PathViews
from chiasm.training.takeout import take_out
from chiasm.training.view_batch import ViewBatch, token_batch
from chiasm.training.word_pairs import LONGEST_PART, word_pairs
from chiasm_graph import PathCoder, TreeSampler, Triples

__all__ = ["ViewSampler"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


class ViewSampler:
    """Draws training batches.

    Args:
        data: The data set.
        keep: Assets that training may use, ``(assets,)``.
        graph: Edges that training may use.
        recipe: Batch size, dropout, fan-out.
        seed: Of all draws.
        paths: Trees whose paths are tokens of the entities; None for none.
    """

    def __init__(
        self,
        data: Dataset,
        keep: Bools,
        graph: Triples,
        recipe: Recipe,
        seed: int,
        paths: PathCoder | None = None,
    ) -> None:
        self.data = data
        self.graph = graph
        self.recipe = recipe
        self.seed = seed
        self.generator = np.random.default_rng(seed)
        self.done = 0.0
        self.trees = TreeSampler(graph, recipe.graph.fanout)
        first = np.unique(data.entity * (data.content.max() + 1) + data.content, return_index=True)[1]
        unique = np.zeros(len(keep), dtype=np.bool_)
        unique[first] = True
        self.assets = [
            np.arange(a, b)[(keep & unique)[a:b]]
            for a, b in zip(data.indptr[:-1], data.indptr[1:], strict=True)
        ]
        self.counts = np.array([len(a) for a in self.assets])
        self.pooled = data.pooled(keep)
        self.paths = paths
        self._path_views = PathViews(paths, graph, data.node_features(keep)) if paths is not None else None
        has_text = (
            self.pooled["text"][1] if "text" in self.pooled else np.zeros(data.num_entities, dtype=np.bool_)
        )
        self.words = word_pairs(data, graph, has_text)
        self.neighbours = PairSet(
            np.concatenate([graph.heads, graph.tails]),
            np.concatenate([graph.tails, graph.heads]),
            data.num_entities,
        )
        self.contents = PairSet(data.entity, data.content, int(data.content.max()) + 1)
        # A bare name is worth less attention than an entity that can be a hit.
        weight = np.where(self.counts > 0, np.where(data.stub, 0.2, 1.0), 0.0)
        self.chance = weight / max(weight.sum(), 1e-12)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which as many words and views are drawn as there are."""
        size = max(int((self.counts[~self.data.stub] > 0).sum()), len(self.words.entity), 1)
        return max(1, -(-size // self.recipe.training.batch))

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.recipe.training.epochs

    def draw(self, step: int, part: int = 0, parts: int = 1) -> ViewBatch:
        """The batch of a step, or one of several parts of it; the same for the same seed, step and part."""
        key = (self.seed, step) if parts == 1 else (self.seed, step, part, parts)
        self.generator = draw = np.random.default_rng(key)
        self.done = step / max(1, self.steps)
        size = max(2, self.recipe.training.batch // parts)
        num_views = min(size, int((self.chance > 0).sum()))
        viewed = draw.choice(len(self.chance), num_views, replace=False, p=self.chance)
        pairs = len(self.words.entity)
        use_words = self.recipe.tasks.words > 0 and pairs > 0
        at = np.zeros(0, dtype=np.int64)
        if use_words:
            at = draw.choice(pairs, min(size, pairs), replace=False, p=self.words.chance)
        entity = np.concatenate([viewed, self.words.entity[at]]).astype(np.int64)
        word = np.concatenate([np.full(num_views, -1), self.words.word[at]]).astype(np.int64)
        tail, relation = self._links(entity, word)
        exclude = np.where(word >= 0, word, tail)
        has_graph = self._reachable(entity, exclude)
        queries, rest, with_graph = [], [], np.zeros(len(entity), dtype=np.bool_)
        for i, (e, w) in enumerate(zip(entity, word, strict=True)):
            query, others = self._word_view(e, w) if w >= 0 else self._view(e)
            kept, graph = self._thin_out(others, bool(has_graph[i]))
            queries.append(query)
            rest.append(kept if len(kept) or graph else query)
            with_graph[i] = graph
        rows = np.flatnonzero(with_graph)
        trees = self.trees.sample(entity[rows], exclude=exclude[rows], generator=draw)
        linked = np.flatnonzero(tail >= 0)
        tails = [self.assets[t][thin(int(self.counts[t]), 4)] for t in tail[linked]]
        return ViewBatch(
            num_views,
            token_batch(self.data, queries),
            self._with_paths(
                token_batch(self.data, rest, take_out(self.data, self.generator, word, queries, rest)),
                entity,
                exclude,
            ),
            trees,
            torch.from_numpy(rows),
            torch.from_numpy(self._false_negatives(entity, word, queries)),
            torch.from_numpy(linked),
            torch.from_numpy(relation[linked]),
            token_batch(self.data, tails),
            torch.from_numpy(self.neighbours.matrix(entity[linked], tail[linked])),
            self._hidden(entity[:num_views], rest),
            torch.from_numpy(entity),
            torch.from_numpy(np.where(word >= 0, word, entity)),
            self.done,
        )

    def _with_paths(self, entities: TokenBatch, entity: Ints, exclude: Ints) -> TokenBatch:
        if self._path_views is None:
            return entities
        shown = self.generator.random(len(entity)) >= self.recipe.training.modality_dropout
        rows, values = self._path_views.of(entity, exclude, shown)
        return entities._replace(
            values={**entities.values, "path": torch.from_numpy(values)},
            owners={**entities.owners, "path": torch.from_numpy(rows)},
        )

    def _links(self, entity: Ints, word: Ints) -> tuple[Ints, Ints]:
        """A neighbour to predict for about half of the views, -1 for none; its relation."""
        adjacency = self.graph.adjacency
        degree = self.graph.degrees()[entity]
        wanted = (degree > 0) & (word < 0) & (self.generator.random(len(entity)) < 0.5)
        wanted &= self.recipe.tasks.graph > 0
        at = adjacency.indptr[entity] + (self.generator.random(len(entity)) * degree).astype(np.int64)
        at = np.where(wanted, at, 0)
        tail, relation = np.full(len(entity), -1), np.full(len(entity), -1)
        if wanted.any():
            wanted &= self.counts[adjacency.neighbour[at]] > 0
            tail = np.where(wanted, adjacency.neighbour[at], -1)
            relation = np.where(wanted, adjacency.relation[at], -1)
        return tail, relation

    def _reachable(self, entity: Ints, exclude: Ints) -> Bools:
        """Rows that keep a neighbour when the excluded one is gone, ``(rows,)``."""
        owner, at = self.graph.half_edges(entity)
        left = self.graph.adjacency.neighbour[at] != exclude[owner]
        return np.bincount(owner[left], minlength=len(entity)) > 0

    def _view(self, entity: int) -> tuple[Ints, Ints]:
        """A query of one modality, and the entity's other assets."""
        assets = self.assets[entity]
        kinds = np.unique(self.data.modality[assets])
        chosen = assets[self.data.modality[assets] == self.generator.choice(kinds)]
        if len(chosen) > 1 and self.generator.random() < 0.7:
            chosen = chosen[[self.generator.integers(len(chosen))]]
        return chosen, np.setdiff1d(assets, chosen)

    def _word_view(self, entity: int, word: int) -> tuple[Ints, Ints]:
        """The neighbour's name as the query, and the entity's assets that do not hold it."""
        names = self.assets[word][self.data.names[self.assets[word]] == "text"]
        name = names[[self.generator.integers(len(names))]]
        text = self.data.value[name[0]]
        others = self.assets[entity]
        short = [text not in v or len(text) <= LONGEST_PART * len(v) for v in self.data.value[others]]
        return name, others[short] if text else others

    def _thin_out(self, assets: Ints, has_graph: bool) -> tuple[Ints, bool]:
        """What is left of an entity after modality dropout, never nothing if there was something."""
        schedule = self.recipe.mixing.schedules.get("modality_dropout", "constant")
        dropout = scheduled(schedule, self.recipe.training.modality_dropout, self.done)
        hidden = self.generator.random(4) < dropout
        kept = assets[~hidden[self.data.modality[assets]] & (self.generator.random(len(assets)) > 0.2)]
        graph = has_graph and not hidden[3]
        if not len(kept) and not graph:
            return assets[thin(len(assets), self.recipe.fusion.max_tokens)], has_graph
        return kept[thin(len(kept), self.recipe.fusion.max_tokens)], graph

    def _false_negatives(self, entity: Ints, word: Ints, queries: list[Ints]) -> Bools:
        """Columns whose entity a row's query also describes, ``(rows, rows)``."""
        source = np.where(word >= 0, word, entity)
        same = (entity[:, None] == entity[None, :]) | (source[:, None] == entity[None, :])
        bare = self.data.stub[source]
        same[bare] |= self.neighbours.matrix(source[bare], entity)
        first = np.array([q[0] for q in queries])
        return same | self.contents.matrix(entity, self.data.content[first]).T

    def _hidden(self, entity: Ints, rest: list[Ints]) -> dict[str, tuple[Tensor, Tensor]]:
        """Features that the views of these entities lack though the entities have them."""
        hidden = {}
        for index, modality in enumerate(("text", "image", "audio")):
            if modality in self.pooled:
                values, present = self.pooled[modality]
                lacks = np.array([not (self.data.modality[r] == index).any() for r in rest[: len(entity)]])
                rows = np.flatnonzero(present[entity] & lacks)
                if len(rows):
                    hidden[modality] = (torch.from_numpy(rows), torch.from_numpy(values[entity[rows]]))
        return hidden
