"""Attributes and relations as classes that entities fall into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chiasm.errors import InputError
from chiasm.training.dataset import Dataset
from chiasm.training.snapshot import Snapshot
from chiasm.training.splits import split_of
from chiasm.training.targets import Target

__all__ = ["LABEL_SHARES", "MOST_CLASSES", "label_targets", "with_labels"]

#: Share of the entities whose label is held out. More than of assets: the entities themselves stay.
LABEL_SHARES: Mapping[str, float] = {"test": 0.1, "valid": 0.1}
#: Classes that a target may have.
MOST_CLASSES = 200
#: Entities a class needs on average for an attribute to be taken unasked: names and dates are no classes.
_PER_CLASS = 5


def with_labels(data: Dataset, snapshot: Snapshot, names: Sequence[str] = ()) -> Dataset:
    """The data set with its supervised targets; arguments as for `label_targets`."""
    return replace(data, labels=label_targets(data, snapshot, names))


def label_targets(data: Dataset, snapshot: Snapshot, names: Sequence[str] = ()) -> tuple[Target, ...]:
    """Targets of the names, or of all attributes that name classes.

    An attribute goes before a relation of the same name. A class seen once is left out: what is learned could not
    be judged, or what is judged not learned. A target with fewer than two classes says why it is none.

    Args:
        data: The data set.
        snapshot: Where attributes are read.
        names: Attributes or relations; none asks for all attributes that suit.

    Raises:
        InputError: There is no attribute and no relation of a name.
    """
    rows = snapshot.column("attributes", "entity").astype(np.int64)
    of_rows = snapshot.column("attributes", "name")
    values = snapshot.column("attributes", "value")
    attributes = sorted(set(of_rows.tolist()))
    relations = list(snapshot.predicates)
    unknown = [name for name in names if name not in attributes and name not in relations]
    if unknown:
        raise InputError(
            f"no entity has {', '.join(unknown)}",
            where="labels.targets",
            remedy=f"known are {', '.join(sorted({*attributes, *relations})[:40]) or 'none'}",
        )
    found = []
    for name in names or attributes:
        if name in attributes:
            chosen = of_rows == name
            target = _target(name, data, snapshot.workspace, rows[chosen], values[chosen])
        else:
            target = _relation(name, data, relations.index(name))
        if names or _suits(target):
            found.append(target)
    return tuple(found)


def _suits(target: Target) -> bool:
    known = int((target.codes >= 0).sum())
    return len(target.classes) >= 2 and known >= _PER_CLASS * len(target.classes)


def _target(
    name: str, data: Dataset, workspace: str, rows: npt.NDArray[np.int64], values: npt.NDArray[np.object_]
) -> Target:
    label = np.full(data.num_entities, None, dtype=object)
    label[rows] = values
    label[data.stub] = None
    split = np.array(
        [split_of(workspace, f"{key}\x00{name}", LABEL_SHARES) for key in data.key], dtype=object
    )
    return _coded(name, "attribute", label, split)


def _relation(name: str, data: Dataset, relation: int) -> Target:
    """The one neighbour along a relation; an entity with several has no class."""
    chosen = np.flatnonzero((data.graph.relations == relation) & ~data.stub[data.graph.heads])
    heads, tails = data.graph.heads[chosen], data.graph.tails[chosen]
    count = np.bincount(heads, minlength=data.num_entities)
    label = np.full(data.num_entities, None, dtype=object)
    split = np.full(data.num_entities, "train", dtype=object)
    alone = count[heads] == 1
    label[heads[alone]] = data.key[tails[alone]]
    # Held-out edges leave the graph with their split, so the label's is the edge's.
    split[heads[alone]] = data.triple_split[chosen][alone]
    return _coded(name, "relation", label, split)


def _coded(name: str, kind: str, label: npt.NDArray[np.object_], split: npt.NDArray[np.object_]) -> Target:
    known = np.flatnonzero([value is not None for value in label])
    names, counts = np.unique(label[known].astype(str), return_counts=True)
    kept = names[counts >= 2]
    rare = int((counts < 2).sum())
    codes = np.full(len(label), -1)
    if len(kept) >= 2 and len(kept) <= MOST_CLASSES:
        place = {value: number for number, value in enumerate(kept)}
        codes[known] = [place.get(str(value), -1) for value in label[known]]
    note = ""
    if len(names) == 1:
        note = "one value only: nothing to tell apart"
    elif len(kept) < 2:
        note = "fewer than two values are seen twice"
    elif len(kept) > MOST_CLASSES:
        note = f"{len(kept)} values: more than {MOST_CLASSES} are names, not classes"
    elif rare:
        note = f"{rare} values seen once are left out"
    classes = tuple(str(value) for value in kept) if codes.max(initial=-1) >= 0 else ()
    return Target(name, kind, classes, codes.astype(np.int64), split, note)
