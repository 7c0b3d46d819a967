"""The trained fusion model as ingest and search use it: arrays in, arrays out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from chiasm.errors import DamagedError, DimensionError, StampError, translated
from chiasm.fusion.checkpoints import read_json, read_tensors, sha256_of, write_json, write_tensors
from chiasm.fusion.manifest import RELEASE_FILE, verify_files
from chiasm.fusion.ranking import Ranking
from chiasm.fusion.recipe import FusionConfig, GraphConfig
from chiasm.fusion.tokens import KINDS, pack
from chiasm.fusion.transformer import FusionTransformer, build_fusion
from chiasm.fusion.words import Words
from chiasm.origins import GIVEN
from chiasm_encoders.device import resolve_device
from chiasm_graph import NodeFeatures, PathCoder, TreeSampler, Triples

if TYPE_CHECKING:
    from chiasm_graph import NeighbourGnn

__all__ = ["FusionModel"]

Vectors = npt.NDArray[np.float32]
Item = Mapping[str, npt.NDArray[np.floating]]

#: Items or seeds computed at a time, which bounds memory.
CHUNK = 512
_REMEDY = "restore it from a backup, roll back to another release or train again"
#: What a configuration of other shape or other types ends with.
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RuntimeError)


class FusionModel:
    """GNN, Transformer and ranking of one release, for inference.

    Args:
        fusion: The Transformer.
        gnn: Gives the GNN when it is first needed, which a search never does; None when the catalogue had
            no graph.
        config: Shapes as in ``fusion/config.json``.
        ranking: How cosines become a score.
        fingerprint: SHA-256 of weights and shapes.
    """

    def __init__(
        self,
        fusion: FusionTransformer,
        gnn: Callable[[], NeighbourGnn] | None,
        config: Mapping[str, Any],
        ranking: Ranking,
        fingerprint: str,
    ) -> None:
        self._fusion = fusion.eval()
        self._make_gnn = gnn
        self._config = dict(config)
        self.ranking = ranking
        #: What known words say about entities; None where the catalogue lends no names.
        self.words: Words | None = None
        #: Stamp of every fused vector.
        self.fingerprint = fingerprint
        #: Width of the fused vector; its leading parts of `prefixes` work alone.
        self.dim: int = config["fusion"]["dim"]
        self.prefixes: tuple[int, ...] = tuple(config["fusion"]["prefixes"])
        #: Kind of token to its width.
        self.feature_dims: dict[str, int] = {
            k: config["feature_dims"][k] for k in KINDS if k in config["feature_dims"]
        }
        #: Most edges of a node that its graph token reads, by hop.
        self.fanout: tuple[int, ...] = tuple(config["graph"]["fanout"])
        #: Where the edges come from that it was trained with.
        self.origins: tuple[str, ...] = tuple(config["graph"].get("origins", GIVEN))
        #: Trees whose paths are tokens; None without any.
        self.paths: PathCoder | None = PathCoder(config["paths"]) if config.get("paths") else None
        #: Names of the relations the GNN was trained with; `graph_tokens` needs triples in this numbering.
        self.predicates: tuple[str, ...] = tuple(config["predicates"])

    @cached_property
    def _gnn(self) -> NeighbourGnn | None:
        return self._make_gnn().eval() if self._make_gnn is not None else None

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities whose features the model takes; what the graph gives is not counted."""
        return tuple(k for k in self.feature_dims if k not in ("graph", "path"))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self._fusion.summary.device

    @classmethod
    def load(cls, folder: Path | str, device: str = "cpu") -> FusionModel:
        """Open the model of a release folder.

        Raises:
            NotFoundError: A file is missing.
            DamagedError: A file differs from its checksum in ``release.json``.
            StampError: The weights do not belong to the fingerprint in ``release.json``.
        """
        root = Path(folder)
        release = verify_files(root, "fusion/", "graph/model")
        try:
            ranking, fingerprint = release["ranking"], release["fusion"]["fingerprint"]
        except (KeyError, TypeError) as error:
            raise DamagedError(
                f"lacks something: {error}", where=str(root / RELEASE_FILE), remedy=_REMEDY
            ) from error
        model = cls.load_parts(root, Ranking.from_dict(ranking), device)
        if model.fingerprint != fingerprint:
            raise StampError("weights are not those that the release names", where=str(root))
        return model

    @classmethod
    def load_parts(cls, root: Path, ranking: Ranking, device: str = "cpu") -> FusionModel:
        """Open ``fusion/`` and ``graph/`` below a folder that has no ``release.json`` yet."""
        config = read_json(root / "fusion" / "config.json")
        with translated():
            chosen = resolve_device(device)
        try:
            fusion = build_fusion(FusionConfig(**_tuples(config["fusion"])), config["feature_dims"])
            fusion.load_state_dict(read_tensors(root / "fusion" / "model.safetensors"))
        except _UNREADABLE as error:
            raise _unreadable(error, root) from error
        gnn = partial(_load_gnn, root, config, chosen) if "graph" in config["feature_dims"] else None
        model = cls(fusion.to(chosen), gnn, config, ranking, fingerprint_of(root))
        model.words = Words.load(root)
        return model

    def save_parts(self, root: Path) -> list[str]:
        """Write ``fusion/`` and ``graph/`` below a folder; names of the files written."""
        names = ["fusion/config.json", "fusion/model.safetensors"]
        write_json(root / "fusion" / "config.json", self._config)
        write_tensors(root / "fusion" / "model.safetensors", self._fusion.state_dict())
        if self._gnn is not None:
            write_tensors(root / "graph" / "model.safetensors", self._gnn.state_dict())
            names.append("graph/model.safetensors")
        if self.words is not None:
            names += self.words.save(root)
        self.fingerprint = fingerprint_of(root)
        return names

    @torch.inference_mode()
    def fuse(
        self,
        items: Sequence[Item],
        *,
        weights: Sequence[Mapping[str, float]] | Mapping[str, float] | None = None,
    ) -> Vectors:
        """Fused vectors of items, ``(items, dim)``, each of unit length.

        Args:
            items: Kind ("text", "image", "audio", "graph", "path") to ``(tokens, dim_kind)``; what is absent is
                left out.
                Rows that hold NaN count as absent.
            weights: Kind to weight, for all items or one mapping an item.

        Raises:
            InputError: An item has no token, or a kind the model does not know.
            DimensionError: A vector of another width than the model was trained with.
        """
        parts = [np.zeros((0, self.dim), dtype=np.float32)]
        for start in range(0, len(items), CHUNK):
            span = slice(start, start + CHUNK)
            asked = weights if weights is None or isinstance(weights, Mapping) else weights[span]
            batch = pack(
                items[span],
                self.feature_dims,
                max_tokens=self._config["fusion"]["max_tokens"],
                weights=asked,
                device=self.device,
            )
            parts.append(self._fusion(batch).float().cpu().numpy())
        return np.concatenate(parts)

    @torch.inference_mode()
    def graph_tokens(
        self,
        graph: Triples,
        node_features: NodeFeatures,
        seeds: npt.ArrayLike,
        *,
        exclude: npt.NDArray[np.int64] | None = None,
    ) -> Vectors:
        """Graph tokens of nodes, ``(seeds, graph_dim)``, from their neighbours only.

        Args:
            graph: Triples in the numbering of `predicates`; relations that came after training must be
                left out.
            node_features: What is known about nodes: mean feature a modality, a stub's name being its text.
            seeds: Nodes, ``(seeds,)``.
            exclude: One node a seed that counts as not there, -1 for none, ``(seeds,)``.

        Returns:
            NaN rows for seeds without a (further) neighbour, and all NaN for a model without a graph.

        Raises:
            DimensionError: The graph numbers other relations than the model, or a feature has another width.
        """
        rows = np.asarray(seeds, dtype=np.int64).reshape(-1)
        if self._gnn is None:
            return np.full((len(rows), self.dim), np.nan, dtype=np.float32)
        if graph.num_relations != len(self.predicates):
            raise DimensionError(
                f"graph has {graph.num_relations} relations, the model {len(self.predicates)}",
                where="graph",
                remedy="number the relations by the model's predicates and leave out new ones",
            )
        sampler = TreeSampler(graph, self._config["graph"]["fanout"])
        degrees = self._gnn.log_degrees(graph).to(self.device)
        result = np.full((len(rows), self.feature_dims["graph"]), np.nan, dtype=np.float32)
        has_neighbour = graph.degrees()[rows] > 0
        for part in _chunks(np.flatnonzero(has_neighbour)):
            with translated():
                trees = sampler.sample(rows[part], exclude=None if exclude is None else exclude[part])
                tokens = self._gnn(trees, node_features, degrees).float().cpu().numpy()
            heard = np.bincount(trees.hops[0].seeds, minlength=len(part)) > 0
            result[part] = np.where(heard[:, None], tokens, np.nan)
        return result

    def path_tokens(self, graph: Triples, node_features: NodeFeatures, seeds: npt.ArrayLike) -> Vectors:
        """Path tokens of nodes, ``(seeds, dim_path)``: where each stands in its trees, without what it is itself.

        Args:
            graph: As for `graph_tokens`.
            node_features: Likewise; texts of ancestors are read.
            seeds: Nodes, ``(seeds,)``.

        Returns:
            NaN rows for seeds without ancestors, and all NaN for a model without paths.
        """
        rows = np.asarray(seeds, dtype=np.int64).reshape(-1)
        if self.paths is None:
            return np.full((len(rows), 1), np.nan, dtype=np.float32)
        return self.paths.codes(graph, node_features, rows)


def _unreadable(error: Exception, where: Path) -> DamagedError:
    return DamagedError(f"model cannot be read: {error}"[:500], where=str(where), remedy=_REMEDY)


def build_gnn(config: GraphConfig, feature_dims: Mapping[str, int], num_relations: int) -> NeighbourGnn:
    """A GNN with fresh weights over the modalities in ``feature_dims``."""
    from chiasm_graph import NeighbourGnn

    return NeighbourGnn.build(
        {k: d for k, d in feature_dims.items() if k not in ("graph", "path")},
        num_relations,
        dim=config.dim,
        layers=config.layers,
        dropout=config.dropout,
    )


def _load_gnn(root: Path, config: Mapping[str, Any], device: torch.device) -> NeighbourGnn:
    try:
        shape = GraphConfig(**_tuples(config["graph"]))
        gnn = build_gnn(shape, config["feature_dims"], len(config["predicates"]))
        gnn.load_state_dict(read_tensors(root / "graph" / "model.safetensors"))
    except _UNREADABLE as error:
        raise _unreadable(error, root / "graph") from error
    return gnn.to(device)


def fingerprint_of(root: Path) -> str:
    """SHA-256 over shapes and weights below a folder."""
    names = ("fusion/config.json", "fusion/model.safetensors", "graph/model.safetensors")
    parts = {name: sha256_of(root / name) for name in names if (root / name).is_file()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _chunks(rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
