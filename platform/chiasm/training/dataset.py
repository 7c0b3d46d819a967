"""A snapshot as the arrays that training and evaluation index into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chiasm.training.lists import Lists
from chiasm.training.snapshot import MODALITIES, Snapshot
from chiasm.training.targets import Target
from chiasm_graph import NodeFeatures, Triples, pool

__all__ = ["Dataset"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Dataset:
    """Assets in flat arrays, ordered by entity; nodes of the graph are entity rows.

    All arrays over assets have one entry for each asset that has a feature.
    """

    num_entities: int
    #: modality -> (rows, dim)
    features: Mapping[str, Floats]
    #: (assets,) entity row, ascending
    entity: Ints
    #: (assets,) index into MODALITIES
    modality: Ints
    #: (assets,) row in the modality's features
    row: Ints
    #: (assets,) equal numbers mean equal content
    content: Ints
    #: (assets,) str: "train", "valid" or "test"; an asset of a held-out entity has its entity's
    split: npt.NDArray[np.object_]
    #: (assets,) the text in lower case, "" for media
    value: npt.NDArray[np.object_]
    #: (entities,)
    stub: Bools
    domain: npt.NDArray[np.object_]
    entity_split: npt.NDArray[np.object_]
    #: All triples, held-out ones included, and the split of each
    graph: Triples
    triple_split: npt.NDArray[np.object_]
    #: (entities,)
    key: npt.NDArray[np.object_]
    #: (entities,) in lower case, "" for none
    title: npt.NDArray[np.object_]
    #: modality -> columns of its features that lie in a space shared with others: the text features', or where there
    #: is no text that of a pair of students
    shared_columns: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    #: Keywords that texts list; None where nobody asked for them
    lists: Lists | None = None
    #: Entities, queries in lower case, and whether people found the entity right for it, ``(verdicts,)`` each
    said: tuple[Ints, npt.NDArray[np.object_], Bools] = field(
        default_factory=lambda: (np.zeros(0, np.int64), np.zeros(0, object), np.zeros(0, np.bool_))
    )
    #: Supervised targets; none where nobody asked for them
    labels: tuple[Target, ...] = ()

    @classmethod
    def read(
        cls,
        snapshot: Snapshot,
        extra: Mapping[str, Floats] | None = None,
        shared_columns: Mapping[str, tuple[int, int]] | None = None,
    ) -> Dataset:
        """Arrays of a snapshot.

        Args:
            snapshot: What to read.
            extra: Modality to features that a student made of the snapshot's media, ``(rows, dim)``.
            shared_columns: Modality to the columns of its features that others' can be compared with.
        """
        features: dict[str, Floats] = {}
        for modality in MODALITIES:
            made = (extra or {}).get(modality)
            stored = snapshot.features(modality) if made is None else None
            if made is not None and len(made):
                features[modality] = np.asarray(made, dtype=np.float32)
            elif stored is not None and len(stored):
                features[modality] = np.asarray(stored, dtype=np.float32)
        entity = snapshot.column("assets", "entity").astype(np.int64)
        names = snapshot.column("assets", "modality")
        row = snapshot.column("assets", "row").astype(np.int64)
        modality_id = np.array([MODALITIES.index(m) for m in names], dtype=np.int64)
        usable = np.flatnonzero((row >= 0) & np.isin(names, sorted(features)))
        order = usable[np.lexsort((row[usable], modality_id[usable], entity[usable]))]
        values = snapshot.column("assets", "value")[order]
        digests = snapshot.column("assets", "sha256")[order]
        texts = np.array([_plain(value) for value in values], dtype=object)
        same = [t or d for t, d in zip(texts, digests, strict=True)]
        content = np.unique(np.array(same, dtype=str), return_inverse=True)[1].astype(np.int64)
        entity_split = snapshot.column("entities", "split")
        split = snapshot.column("assets", "split")[order]
        of_entity = entity_split[entity[order]]
        split = np.where((of_entity != "train") & (split == "train"), of_entity, split)
        return cls(
            snapshot.num_entities,
            features,
            entity[order],
            modality_id[order],
            row[order],
            content,
            split,
            texts,
            snapshot.column("entities", "stub").astype(np.bool_),
            snapshot.column("entities", "domain"),
            entity_split,
            snapshot.graph(),
            snapshot.column("triples", "split"),
            snapshot.column("entities", "key"),
            np.array([_plain(title) for title in snapshot.column("entities", "title")], dtype=object),
            dict(shared_columns or {}),
            said=(
                snapshot.column("said", "entity").astype(np.int64),
                snapshot.column("said", "query"),
                snapshot.column("said", "accepted").astype(np.bool_),
            ),
        )

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that have features."""
        return tuple(m for m in MODALITIES if m in self.features)

    @cached_property
    def names(self) -> npt.NDArray[np.str_]:
        """Modality of each asset, ``(assets,)``."""
        return np.array(MODALITIES)[self.modality]

    @cached_property
    def held_out_texts(self) -> frozenset[str]:
        """Texts that judge models, in lower case: no lesson is about them."""
        held = np.isin(self.split, ("valid", "test")) & (self.names == "text")
        return frozenset(str(value) for value in self.value[held] if value)

    @cached_property
    def indptr(self) -> Ints:
        """Assets of entity ``e`` are ``indptr[e]:indptr[e + 1]``, ``(entities + 1,)``."""
        return np.searchsorted(self.entity, np.arange(self.num_entities + 1)).astype(np.int64)

    def vectors(self, assets: Ints) -> Floats:
        """Features of assets of one modality, ``(n, dim)``."""
        modality = MODALITIES[self.modality[assets[0]]] if len(assets) else self.modalities[0]
        return self.features[modality][self.row[assets]]

    def node_features(self, keep: Bools) -> NodeFeatures:
        """Mean features of nodes over the assets of ``keep`` (``(assets,)``)."""
        pooled = self.pooled(keep)
        return NodeFeatures({m: v for m, (v, _) in pooled.items()}, {m: p for m, (_, p) in pooled.items()})

    def pooled(self, keep: Bools) -> dict[str, tuple[Floats, Bools]]:
        """Modality to mean feature ``(entities, dim)`` and presence ``(entities,)`` over the assets of ``keep``."""
        result = {}
        for modality in self.modalities:
            chosen = np.flatnonzero(keep & (self.names == modality))
            values = self.features[modality][self.row[chosen]]
            result[modality] = pool(values, self.entity[chosen], self.num_entities)
        return result


def _plain(text: str | None) -> str:
    return (text or "").strip().lower()
