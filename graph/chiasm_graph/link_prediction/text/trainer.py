"""Trains text towers against the other tails of a batch."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.epochs import EpochReport, EpochTrainer
from chiasm_graph.link_prediction.losses import contrastive_loss
from chiasm_graph.link_prediction.precision import product_precision
from chiasm_graph.link_prediction.queries import Queries, both_directions
from chiasm_graph.link_prediction.text.config import TextConfig
from chiasm_graph.link_prediction.text.towers import TextScores, TextTowers
from chiasm_graph.spans import spread

__all__ = ["TextTrainer"]

Ints = npt.NDArray[np.int64]


class TextTrainer(EpochTrainer):
    """One training run of `TextTowers`; see `EpochTrainer` for what it keeps to.

    Negatives of a triple are the other tails of its batch, those of the batches before as they then were, its own
    head, and entities drawn evenly; of all these, none that is a known tail of the query.

    Args:
        data: Trained on its training split, stopped by its valid split; the test split is not read.
        features: Text vector of each entity, ``(entities, dim)``.
        config: How.
        seed: Of start, order and draws.
        checkpoint: File that is written after each judgement and taken up if it exists.
        progress: Told of each epoch.
    """

    def __init__(
        self,
        data: LinkData,
        features: Tensor,
        config: TextConfig,
        *,
        seed: int = 0,
        checkpoint: Path | None = None,
        progress: Callable[[EpochReport], None] = lambda report: None,
    ) -> None:
        config.check()
        self.config = config
        self.towers = TextTowers(features, data.graph, config, seed=seed)
        optimizer = torch.optim.AdamW(
            self.towers.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        super().__init__(
            data, config, self.towers, optimizer, seed=seed, checkpoint=checkpoint, progress=progress
        )
        self._triples = both_directions(data.train, data.num_relations)
        self._queries = Queries.group(self._triples)
        self._loops = self._looped()
        self._digest = hashlib.sha256(features.detach().contiguous().numpy().tobytes()).hexdigest()
        self._resume()

    def fit(self) -> TextScores:
        """Train until the valid split has not improved for ``patience`` judgements; the best weights come back."""
        self._run()
        return self._scorer()

    def _scorer(self) -> TextScores:
        return self.towers.ranked()

    def _stamp(self) -> dict[str, Any]:
        return {**super()._stamp(), "features": self._digest}

    def _epoch(self, order: np.random.Generator, draws: torch.Generator) -> dict[str, float]:
        config = self.config
        share = self.state.epoch / config.max_epochs
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * (1 - 0.9 * share)
        self.towers.train()
        mixed = order.permutation(len(self._triples))
        before: deque[tuple[Ints, Tensor]] = deque(maxlen=config.pre_batches)
        losses = []
        with product_precision(config.precision):
            # A last batch of one triple would have no negative.
            for start in range(0, len(mixed) - 1, config.batch_size):
                loss = self._step(mixed[start : start + config.batch_size], before, order)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                losses.append(float(loss.detach()))
        return {"contrastive": float(np.mean(losses))}

    def _step(self, rows: Ints, before: deque[tuple[Ints, Tensor]], generator: np.random.Generator) -> Tensor:
        heads, relations, tails = self._triples[rows].T
        drawn = generator.integers(self.data.num_entities, size=self.config.negatives)
        without = np.zeros(len(self.data.train), dtype=np.bool_)
        without[rows % len(without)] = True
        # All entities as tails in one pass: the batch's own, what is drawn, and the heads.
        answered = self.towers.answer(np.concatenate([tails, drawn, heads]), without, generator)
        own, selves = answered[: len(tails) + len(drawn)], answered[len(tails) + len(drawn) :]
        candidates = np.concatenate([tails, drawn, *(names for names, _ in before)])
        vectors = torch.cat([own, *(old for _, old in before)])
        before.append((tails, own[: len(tails)].detach()))
        return contrastive_loss(
            self.towers.ask(heads, torch.from_numpy(relations), without, generator),
            vectors,
            self._true(heads, relations, candidates),
            selves * ~self._loops[torch.from_numpy(rows)].unsqueeze(1),
            self.towers.scale(),
            margin=self.config.margin,
        )

    def _looped(self) -> Tensor:
        """Whether the head of each triple is itself a known tail of its query, ``(triples,)`` bool."""
        heads, relations, tails = self._triples.T
        loops = self._queries.find(heads, relations)[heads == tails]
        return torch.from_numpy(np.isin(self._queries.find(heads, relations), loops))

    def _true(self, heads: Ints, relations: Ints, candidates: Ints) -> Tensor:
        """Whether each candidate is a known tail of each query, ``(B, candidates)`` bool."""
        owner, place = self._queries.tails_of(self._queries.find(heads, relations))
        tails = self._queries.tails[place]
        order = np.argsort(candidates, kind="stable")
        first = np.searchsorted(candidates[order], tails)
        count = np.searchsorted(candidates[order], tails, side="right") - first
        at, column = spread(first, count)
        true = np.zeros((len(heads), len(candidates)), dtype=np.bool_)
        true[owner[at], order[column]] = True
        return torch.from_numpy(true)
