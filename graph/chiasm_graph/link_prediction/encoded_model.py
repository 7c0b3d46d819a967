"""Entity vectors out of a graph network, and a scorer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from chiasm_graph.errors import GraphError
from chiasm_graph.features import NodeFeatures
from chiasm_graph.link_prediction.config import LinkConfig
from chiasm_graph.link_prediction.dataset import LinkData
from chiasm_graph.link_prediction.model import LinkModel, LinkVectors
from chiasm_graph.relational import NodeInput, RelationalEncoder
from chiasm_graph.scorers.registry import build_scorer
from chiasm_graph.scorers.scorer import Scorer
from chiasm_graph.triples import Triples

__all__ = ["EncodedLinkModel", "build_link_model"]


class EncodedLinkModel(nn.Module):
    """Scores of links from vectors that an encoder makes of the training triples.

    Args:
        encoder: Over all entities.
        scorer: Over relations and their reciprocals.
    """

    def __init__(self, encoder: RelationalEncoder, scorer: Scorer) -> None:
        super().__init__()
        self.encoder, self.scorer = encoder, scorer

    @property
    def num_entities(self) -> int:
        """Nodes of the encoder's graph."""
        return self.encoder.inputs.num_nodes

    @property
    def num_relations(self) -> int:
        """Relations, reciprocal ones not counted."""
        return self.scorer.num_relations // 2

    def encoded(self, *, train: bool = False) -> LinkVectors:
        """The vectors as they are now: of all entities, or, in training by samples, of those that are asked for."""
        if train and self.encoder.sampled:
            return _SampledVectors(self.encoder, self.scorer)
        return LinkVectors(self.encoder(train=train), self.scorer)

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Scores of all entities as tails, ``(B, entities)``; encodes anew, `encoded` for many batches."""
        return self.encoded().scores(heads, relations)


class _SampledVectors(LinkVectors):
    def __init__(self, encoder: RelationalEncoder, scorer: Scorer) -> None:
        self._encoder, self.scorer = encoder, scorer
        # Torch's own randomness is that of the step.
        self._generator = np.random.default_rng(int(torch.randint(2**62, (1,))))

    @property
    def entities(self) -> Tensor:  # type: ignore[override]
        raise GraphError(
            "all entities at once are too many", where="fanout", remedy="set negatives, or fanout 0"
        )

    @property
    def num_entities(self) -> int:
        return self._encoder.inputs.num_nodes

    def vectors(self, rows: Tensor) -> Tensor:
        wanted, place = torch.unique(rows, return_inverse=True)
        return self._encoder.around(wanted.cpu().numpy(), self._generator)[place]


def build_link_model(
    config: LinkConfig, data: LinkData, seed: int, features: NodeFeatures | None = None
) -> LinkModel | EncodedLinkModel:
    """A model with random weights that depend on the seed alone.

    Args:
        config: Scorer and, maybe, encoder.
        data: Messages of an encoder go along its training split.
        seed: Of the start.
        features: Of the entities, for an encoder.

    Raises:
        GraphError: Features without an encoder that could read them.
    """
    if config.encoder == "none":
        if features is not None:
            raise GraphError("features need an encoder", where="encoder", remedy="set encoder to rgcn, say")
        return LinkModel.build(
            config.scorer, data.num_entities, data.num_relations, config.dim, scale=config.scale, seed=seed
        )
    generator = torch.Generator().manual_seed(seed)
    scorer = build_scorer(config.scorer, 2 * data.num_relations, config.dim)
    scorer.reset(config.scale, generator)
    graph = Triples(*data.train.T, num_nodes=data.num_entities, num_relations=data.num_relations)
    with torch.random.fork_rng(devices=[]):
        # Operators take no generator of their own.
        torch.manual_seed(seed)
        inputs = NodeInput(data.num_entities, config.dim, features)
        inputs.reset(config.scale, generator)
        encoder = RelationalEncoder.build(
            config.encoder,
            inputs,
            graph,
            layers=config.layers,
            bases=config.bases,
            heads=config.heads,
            dropout=config.encoder_dropout,
            edge_dropout=config.edge_dropout,
            fanout=(config.fanout,) * config.layers if config.fanout else (),
            mixed=config.precision == "bf16",
        )
    return EncodedLinkModel(encoder, scorer)
