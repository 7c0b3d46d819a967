"""A replica on disk: a new process answers from a large catalogue at once.

```
<home>/cache/replica/<workspace>/<name>/*.npy        arrays as they are
<home>/cache/replica/<workspace>/<name>/replica.json revision, epoch, lists, bytes and SHA-256 of each file
```

It is derived: whoever finds it missing, damaged or of another database loads the replica from SQL instead.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import CursorResult, delete, func, select

from chiasm.catalog import Catalog
from chiasm.catalog.change_log import CHANGES_KEPT
from chiasm.catalog.models import Change, Workspace
from chiasm.cores import usable_cores
from chiasm.origins import GIVEN
from chiasm.search.following import follow
from chiasm.search.keyed import KeyIndex
from chiasm.search.loading import load_replica
from chiasm.search.replica import Replica
from chiasm.search.texts import Texts
from chiasm_graph import Triples
from chiasm_graph.arrays import view_array

__all__ = ["clear_replicas", "keep_replica", "open_replica", "replica_folder", "trim_changes"]

_log = logging.getLogger(__name__)
_FACTS = "replica.json"
_FORMAT = 2
#: Smaller workspaces are loaded as fast from SQL.
_WORTH_ROWS = 20_000
#: Entries of the log of changes that one transaction deletes.
_TRIM = 50_000
#: Threads that read files at most.
_READERS = 4
_ARRAYS = ("ids", "domains", "stub", "live", "asset_ids", "asset_rows", "asset_kinds", "triple_ids")
_TEXTS = ("keys", "titles", "attributes")


def replica_folder(home: Path, workspace_id: int) -> Path:
    """Where the replicas of a workspace are kept."""
    return home.resolve() / "cache" / "replica" / str(workspace_id)


def keep_replica(catalog: Catalog, home: Path, workspace_id: int, origins: Sequence[str] = GIVEN) -> bool:
    """Keep the present replica on disk for processes to come; whether one was written.

    Nothing is kept of a workspace that is small, or that changes meanwhile: what somebody forgets at this moment
    must not stay in a file.
    """
    with catalog.read() as session:
        workspace = session.get(Workspace, workspace_id)
        if workspace is None:
            return False
        old = open_replica(home, workspace_id, origins)
        if old is not None and old.revision == workspace.revision:
            return False
        made = old and follow(session, workspace_id, old, workspace.revision)
        replica = made or load_replica(session, workspace_id, workspace.revision, origins)
    if len(replica) < _WORTH_ROWS or not replica.epoch:
        return False
    folder = replica_folder(home, workspace_id)
    with _alone(folder) as alone:
        if not alone:
            return False
        name = uuid.uuid4().hex
        aside = folder / f"{name}.tmp"
        try:
            _write(replica, aside)
            aside.rename(folder / name)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            _log.warning("the replica of workspace %s was not kept: %s", workspace_id, error)
            return False
        with catalog.read() as session:
            now = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id))
        _clear(folder, keep=name if now == replica.revision else None)
        return now == replica.revision


def clear_replicas(home: Path) -> None:
    """Remove all kept replicas: they may hold what is to be forgotten."""
    for folder in (home.resolve() / "cache" / "replica").glob("*"):
        _clear(folder, keep=None)


def trim_changes(catalog: Catalog) -> int:
    """Delete what is so old in the log of changes that nobody follows it any more; how many entries."""
    with catalog.read() as session:
        newest = session.scalar(select(func.max(Change.id))) or 0
        oldest = session.scalar(select(func.min(Change.id)).where(Change.workspace_id != 0)) or newest
    last = newest - 2 * CHANGES_KEPT
    if oldest > last:
        return 0
    with catalog.write() as session:
        gone = delete(Change).where(Change.workspace_id != 0, Change.id <= min(last, oldest + _TRIM))
        result = session.execute(gone, execution_options={"synchronize_session": False})
        return result.rowcount if isinstance(result, CursorResult) else 0


def open_replica(home: Path, workspace_id: int, origins: Sequence[str] = GIVEN) -> Replica | None:
    """The newest replica on disk whose files are whole, with statements of these origins; None if there is none."""
    found = []
    for path in replica_folder(home, workspace_id).glob(f"*/{_FACTS}"):
        if path.parent.suffix != ".tmp":
            try:
                found.append(_read(path.parent))
            except (OSError, ValueError, KeyError, TypeError) as error:
                _log.warning("the kept replica %s is not used: %s", path.parent, error)
    fitting = (one for one in found if one.origins == tuple(origins))
    return max(fitting, key=lambda one: one.revision, default=None)


def _write(replica: Replica, folder: Path) -> None:
    folder.mkdir(parents=True)
    arrays: dict[str, Any] = {name: getattr(replica, name) for name in _ARRAYS}
    for name in _TEXTS:
        packed = getattr(replica, name).packed()
        missing = np.zeros(len(packed), np.bool_) if packed.missing is None else packed.missing
        arrays |= {f"{name}.offsets": packed.offsets, f"{name}.data": packed.data, f"{name}.missing": missing}
    index = KeyIndex.of(replica.keys)
    arrays |= {"key.sums": index.sums, "key.rows": index.rows}
    arrays |= {name: getattr(replica.graph, name) for name in ("heads", "relations", "tails")}
    files = {}
    for name, array in arrays.items():
        written = io.BytesIO()
        np.save(written, np.ascontiguousarray(array), allow_pickle=False)
        data = written.getvalue()
        with (folder / f"{name}.npy").open("wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        files[name] = _describe(data)
    facts = {
        "format": _FORMAT,
        **{name: getattr(replica, name) for name in ("revision", "epoch", "last_change", "aliases")},
        **{name: list(getattr(replica, name)) for name in ("domain_ids", "domain_names", "origins")},
        **{name: list(getattr(replica, name)) for name in ("predicate_ids", "predicates")},
        "files": files,
    }
    text = json.dumps(facts)
    sealed = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "facts": text}
    (folder / _FACTS).write_text(json.dumps(sealed), encoding="utf-8")


def _read(folder: Path) -> Replica:
    sealed = json.loads((folder / _FACTS).read_bytes())
    if hashlib.sha256(sealed["facts"].encode()).hexdigest() != sealed["sha256"]:
        raise ValueError("its description differs from its checksum")
    facts = json.loads(sealed["facts"])
    if facts["format"] != _FORMAT:
        raise ValueError(f"format {facts['format']} is not known")
    arrays = _arrays(folder, facts["files"])
    texts: dict[str, Any] = {
        name: Texts(arrays[f"{name}.offsets"], arrays[f"{name}.data"], arrays[f"{name}.missing"])
        for name in _TEXTS
    }
    graph = Triples(
        *(arrays[name] for name in ("heads", "relations", "tails")),
        num_nodes=len(arrays["ids"]),
        num_relations=len(facts["predicates"]),
    )
    return Replica(
        **texts,
        **{name: facts[name] for name in ("revision", "epoch", "last_change", "aliases")},
        **{name: arrays[name] for name in _ARRAYS},
        origins=tuple(facts["origins"]),
        domain_ids=tuple(facts["domain_ids"]),
        domain_names=facts["domain_names"],
        predicate_ids=tuple(facts["predicate_ids"]),
        predicates=facts["predicates"],
        key_index=KeyIndex(arrays["key.sums"], arrays["key.rows"]),
        graph=graph,
    )


def _arrays(folder: Path, files: Mapping[str, Any]) -> dict[str, Any]:
    """Each file as an array that cannot be written, after its checksum was compared."""

    def read(name: str) -> tuple[str, npt.NDArray[Any]]:
        # Read, not mapped: a map of a file that somebody cuts is a bus error, and this is no more than a few hundred
        # bytes an entity.
        data = (folder / f"{name}.npy").read_bytes()
        if _describe(data) != files[name]:
            raise ValueError(f"{name}.npy differs from its checksum")
        return name, view_array(data)

    # Both reading and summing let other threads go on; the largest first, or the last one works alone.
    names = sorted(files, key=lambda name: files[name][0], reverse=True)
    with ThreadPoolExecutor(min(_READERS, usable_cores())) as pool:
        return dict(pool.map(read, names))


def _describe(data: bytes) -> list[int | str]:
    return [len(data), hashlib.sha256(data).hexdigest()]


def _clear(folder: Path, keep: str | None) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else writes there; the lock ends with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
