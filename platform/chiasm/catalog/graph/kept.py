"""The graph of a workspace in memory and on disk, at the revision that SQL has.

```
<home>/cache/replica/<workspace>-graph/<name>/    a table of `chiasm_graph.store`
```

It is derived: whoever finds it missing, damaged or of another database loads the statements from SQL instead.
"""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.catalog import Catalog
from chiasm.catalog.graph.statements import CatalogGraph, follow_graph, load_graph
from chiasm.catalog.models import Workspace
from chiasm.origins import ORIGINS
from chiasm_graph.errors import DamagedStoreError
from chiasm_graph.store import load_table, save_table

__all__ = ["current_graph", "graph_folder", "keep_graph"]

_log = logging.getLogger(__name__)
#: Fewer statements are loaded as fast from SQL.
_WORTH_STATEMENTS = 100_000
_ARRAYS = ("entity_ids", "predicate_ids", "edge_ids", "literal_ids")
_FACTS = ("revision", "epoch", "last_change")

_lock = threading.Lock()
_current: dict[tuple[str, int], CatalogGraph] = {}


def graph_folder(home: Path, workspace_id: int) -> Path:
    """Where graphs of a workspace are kept; among the replicas, which are removed when something is forgotten."""
    return home.resolve() / "cache" / "replica" / f"{workspace_id}-graph"


def current_graph(catalog: Catalog, home: Path | None, workspace_id: int) -> CatalogGraph:
    """The statements as they are now: those of the last call or of the disk, and what changed since.

    Args:
        catalog: Where they lie.
        home: Where a table may be kept; None: nowhere.
        workspace_id: Tenant.
    """
    name = (str(catalog.url), workspace_id)
    with _lock, catalog.read() as session:
        revision = session.get_one(Workspace, workspace_id).revision
        held = _current.get(name)
        if held is not None and held.revision == revision:
            return held
        # One workspace a process: others would only take memory.
        _current.clear()
        _current[name] = found = _newest(session, home, workspace_id, revision, held)
        return found


def keep_graph(catalog: Catalog, home: Path, workspace_id: int) -> bool:
    """Keep the present statements on disk for processes to come; whether they were written.

    Nothing is kept of a workspace that is small, or that changes meanwhile: what somebody forgets at this moment
    must not stay in a file.
    """
    folder = graph_folder(home, workspace_id)
    with catalog.read() as session:
        workspace = session.get(Workspace, workspace_id)
        if workspace is None:
            return False
        old = _opened(folder)
        if old is not None and old.revision == workspace.revision:
            return False
        graph = _newest(session, home, workspace_id, workspace.revision, old)
    if len(graph.table) < _WORTH_STATEMENTS or not graph.epoch:
        return False
    made = folder / uuid.uuid4().hex
    facts = {name: getattr(graph, name) for name in _FACTS}
    try:
        save_table(graph.table, made, facts=facts, arrays={name: getattr(graph, name) for name in _ARRAYS})
    except OSError as error:
        _log.warning("the graph of workspace %s was not kept: %s", workspace_id, error)
        return False
    with catalog.read() as session:
        now = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id))
    for path in folder.iterdir():
        if path != made or now != graph.revision:
            shutil.rmtree(path, ignore_errors=True)
    return now == graph.revision


def _newest(
    session: Session, home: Path | None, workspace_id: int, revision: int, held: CatalogGraph | None
) -> CatalogGraph:
    old = held if held is not None or home is None else _opened(graph_folder(home, workspace_id))
    made = None if old is None else follow_graph(session, workspace_id, old, revision)
    return made or load_graph(session, workspace_id, revision)


def _opened(folder: Path) -> CatalogGraph | None:
    """The newest whole graph of a folder."""
    found = []
    for path in folder.glob("*/table.json"):
        try:
            kept = load_table(path.parent)
            arrays: dict[str, Any] = {name: kept.arrays[name] for name in _ARRAYS}
            facts: dict[str, Any] = {name: kept.facts[name] for name in _FACTS}
            if kept.table.origins != ORIGINS:
                raise KeyError("origins that are numbered another way")
            found.append(CatalogGraph(kept.table, **arrays, **facts))
        except (DamagedStoreError, KeyError) as error:
            _log.warning("the kept graph %s is not used: %s", path.parent, error)
    return max(found, key=lambda one: one.revision, default=None)
