"""A table as a folder of mapped files.

```
<folder>/*.npy        columns, names and both indexes by relation, as they are
<folder>/table.json   format, origins, facts of the caller, bytes and SHA-256 of each file; itself sealed
```
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chiasm_graph.arrays import map_array
from chiasm_graph.errors import DamagedStoreError
from chiasm_graph.store.columns import Columns
from chiasm_graph.store.names import Names
from chiasm_graph.store.relation_index import RelationIndex
from chiasm_graph.store.table import TripleTable

__all__ = ["Kept", "load_table", "save_table"]

_FACTS = "table.json"
_FORMAT = 1
_NAMES = ("nodes", "relations", "values")
_STATEMENTS = ("edges", "literals")
_INDEXES = ("by_head", "by_tail")
#: Before the names of a caller's arrays.
_GIVEN = "given."
_REMEDY = "remove the folder and write it again: it is derived"


def save_table(
    table: TripleTable,
    folder: Path,
    *,
    facts: Mapping[str, Any] | None = None,
    arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    indexes: bool = True,
) -> None:
    """Write aside, sync, rename: a crash leaves the whole folder or none.

    Args:
        table: What to write.
        folder: Where to; an older table there is replaced.
        facts: What the caller wants to know again, as JSON: a revision, say.
        arrays: Of the caller, by names of its own.
        indexes: Whether the indexes by relation are kept too (24 bytes an edge); else they are built when used.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        given = {f"{_GIVEN}{name}": array for name, array in (arrays or {}).items()}
        written = {**_arrays(table, indexes), **given}
        files = {name: _write(aside / f"{name}.npy", array) for name, array in written.items()}
        text = json.dumps(
            {"format": _FORMAT, "origins": table.origins, "facts": dict(facts or {}), "files": files}
        )
        sealed = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}
        with (aside / _FACTS).open("w", encoding="utf-8") as file:
            json.dump(sealed, file)
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class Kept(NamedTuple):
    """What `load_table` finds: all arrays are mapped."""

    table: TripleTable
    #: As they were given to `save_table`.
    facts: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


def load_table(folder: Path) -> Kept:
    """The table of a folder; every file is compared with its checksum first.

    Raises:
        DamagedStoreError: A file is missing, cut or changed, or of another format.
    """
    try:
        sealed = json.loads((folder / _FACTS).read_bytes())
        text = sealed["text"]
        if hashlib.sha256(text.encode()).hexdigest() != sealed["sha256"]:
            raise ValueError("it differs from its checksum")
        about = json.loads(text)
        if about["format"] != _FORMAT:
            raise ValueError(f"format {about['format']} is not known")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedStoreError(str(error), where=str(folder / _FACTS), remedy=_REMEDY) from error
    paths = {name: folder / f"{name}.npy" for name in about["files"]}
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        found = dict(zip(paths, pool.map(_describe, paths.values()), strict=True))
    for name, entry in about["files"].items():
        if found[name] != entry:
            raise DamagedStoreError(
                "the file is missing, or differs from its checksum", where=str(paths[name]), remedy=_REMEDY
            )
    arrays = {name: map_array(path) for name, path in paths.items()}
    given = {name.removeprefix(_GIVEN): array for name, array in arrays.items() if name.startswith(_GIVEN)}
    return Kept(_table(arrays, tuple(about["origins"])), dict(about["facts"]), given)


def _arrays(table: TripleTable, indexes: bool) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name in _NAMES:
        names: Names = getattr(table, name)
        arrays |= {f"{name}.offsets": names.offsets, f"{name}.data": names.data}
    for name in (*_STATEMENTS, *(_INDEXES if indexes else ())):
        arrays |= {f"{name}.{column}": array for column, array in getattr(table, name)._asdict().items()}
    return arrays


def _table(arrays: Mapping[str, Any], origins: tuple[str, ...]) -> TripleTable:
    names: dict[str, Any] = {
        name: Names(arrays[f"{name}.offsets"], arrays[f"{name}.data"]) for name in _NAMES
    }
    said: dict[str, Any] = {
        name: Columns(*(arrays[f"{name}.{c}"] for c in Columns._fields)) for name in _STATEMENTS
    }
    table = TripleTable(**names, **said, origins=origins)
    for name in _INDEXES:
        if f"{name}.starts" in arrays:
            # In the place of what would be built when first used.
            fields = RelationIndex._fields
            vars(table)[name] = RelationIndex(*(arrays[f"{name}.{column}"] for column in fields))
    return table


def _write(path: Path, array: Any) -> list[int | str]:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    found = _describe(path)
    assert found is not None
    return found


def _describe(path: Path) -> list[int | str] | None:
    """Bytes and SHA-256; None if there is no such file."""
    try:
        with path.open("rb") as file:
            return [os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()]
    except OSError:
        return None
