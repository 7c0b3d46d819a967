"""Named triples in three splits, as arrays of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chiasm_graph.errors import LinkDataError, UnknownNameError
from chiasm_graph.triples import Triples

__all__ = ["LinkData"]

Ints = npt.NDArray[np.int64]
Named = tuple[str, str, str]


@dataclass(frozen=True)
class LinkData:
    """Splits of a knowledge graph over one numbering of entities and relations.

    As in the literature the numbering covers all three splits: an entity that training never names has a vector of
    its own, a random one, competes as a candidate and loses as an answer. Triples of training count once.
    """

    #: Key of each entity.
    entities: tuple[str, ...]
    #: Name of each relation, without inverses.
    relations: tuple[str, ...]
    #: (triples, 3) head, relation, tail, each triple once
    train: Ints
    #: (triples, 3)
    valid: Ints
    #: (triples, 3)
    test: Ints

    @classmethod
    def from_triples(
        cls, train: Iterable[Named], valid: Iterable[Named] = (), test: Iterable[Named] = ()
    ) -> LinkData:
        """Number the names in order of appearance and encode the splits."""
        splits = [list(dict.fromkeys(train)), list(valid), list(test)]
        ends = dict.fromkeys(name for split in splits for head, _, tail in split for name in (head, tail))
        named = dict.fromkeys(relation for split in splits for _, relation, _ in split)
        empty = np.zeros((0, 3), dtype=np.int64)
        bare = cls(tuple(ends), tuple(named), empty, empty, empty)
        return replace(
            bare, train=bare.encode(splits[0]), valid=bare.encode(splits[1]), test=bare.encode(splits[2])
        )

    @classmethod
    def read(cls, folder: Path) -> LinkData:
        """Read ``train.tsv``, ``valid.tsv`` and ``test.tsv`` (head, relation, tail).

        Raises:
            LinkDataError: A file is missing, empty, or has a line without three columns.
        """
        return cls.from_triples(*(_lines(folder / f"{split}.tsv") for split in ("train", "valid", "test")))

    def with_honest_valid(self, share: float = 0.05, seed: int = 0) -> LinkData:
        """The same with a valid split that says something, or itself where it does.

        A fact that training states too measures memory, and one of the test split must not choose anything. Such facts
        are left out of the valid split, as are repetitions; where little of it remains, some of training take its place.

        Args:
            share: Of the training facts that take its place where less than half of it, or of this, remains.
            seed: Draws them.
        """
        known = {tuple(row) for split in (self.train, self.test) for row in split.tolist()}
        fresh = [row for row in dict.fromkeys(map(tuple, self.valid.tolist())) if row not in known]
        if len(fresh) == len(self.valid):
            return self
        wanted = int(share * len(self.train))
        if len(fresh) >= min(wanted, len(self.valid) // 2):
            return replace(self, valid=np.array(fresh, dtype=np.int64).reshape(-1, 3))
        order = np.random.default_rng(seed).permutation(len(self.train))
        return replace(
            self, train=self.train[np.sort(order[wanted:])], valid=self.train[np.sort(order[:wanted])]
        )

    @property
    def num_entities(self) -> int:
        """Entities of all splits."""
        return len(self.entities)

    @property
    def num_relations(self) -> int:
        """Relations, inverses not counted."""
        return len(self.relations)

    @cached_property
    def graph(self) -> Triples:
        """The training split as a graph, without inverses."""
        return Triples(*self.train.T, num_nodes=self.num_entities, num_relations=self.num_relations)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what is trained on: names, training and valid split."""
        digest = hashlib.sha256("\n".join((*self.entities, "", *self.relations)).encode())
        digest.update(self.train.tobytes())
        digest.update(self.valid.tobytes())
        return digest.hexdigest()

    @cached_property
    def numbers(self) -> tuple[dict[str, int], dict[str, int]]:
        """Number of each entity by key, and of each relation by name."""
        return (
            {name: at for at, name in enumerate(self.entities)},
            {name: at for at, name in enumerate(self.relations)},
        )

    def encode(self, triples: Sequence[Named]) -> Ints:
        """Numbers of named triples, ``(triples, 3)``.

        Raises:
            UnknownNameError: A name that stands in none of the splits.
        """
        entities, relations = self.numbers
        rows = []
        for head, relation, tail in triples:
            for name, table, kind in (
                (head, entities, "entity"),
                (relation, relations, "relation"),
                (tail, entities, "entity"),
            ):
                if name not in table:
                    raise UnknownNameError(
                        f"unknown {kind}",
                        where=name,
                        remedy="add a training triple that names it and train again",
                    )
            rows.append((entities[head], relations[relation], entities[tail]))
        return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _lines(path: Path) -> list[Named]:
    if not path.is_file():
        raise LinkDataError("no such file", where=str(path), remedy="a data set is three files of triples")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        cells = line.split("\t")
        if len(cells) != 3:
            raise LinkDataError(
                f"{len(cells)} columns instead of 3",
                where=f"{path}, line {number}",
                remedy="write head, relation and tail with tabs between",
            )
        rows.append((cells[0], cells[1], cells[2]))
    if not rows:
        raise LinkDataError("no triples", where=str(path))
    return rows
