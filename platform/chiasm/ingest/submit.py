"""Asking for an ingest: the job and its read units; workers do the rest."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chiasm.catalog import Catalog
from chiasm.errors import UsageError
from chiasm.ingest.sources import UPLOADED
from chiasm.ingest.spool import write_spool
from chiasm.ingest.task import ReadTask
from chiasm.ingest.values import checked_name
from chiasm.jobs import add_units, create_job, ensure_worker, find_job, notify
from chiasm.media import BlobStore
from chiasm.settings import Settings

__all__ = ["submit_ingest", "submit_records"]


def submit_ingest(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    domain: str | None = None,
    mode: str = "update",
    triples: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    idempotency_key: str | None = None,
) -> int:
    """The id of a job that ingests local files and folders.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        paths: Manifests, triples, RDF, graphs or folders, by their form.
        domain: Of records that name none.
        mode: `update`: fields that are present replace, absent ones stay; `replace`: the rest is cleared.
        triples: Sources that may only be triples.
        idempotency_key: Asking twice with the same key does it once.

    Raises:
        NotFoundError: A path does not exist.
        ManifestError: A source has no form that is read.
        UsageError: Nothing to ingest, or an unknown mode.
    """
    tasks = [_task(path, domain, mode, triples=False) for path in _listed(paths)]
    tasks += [_task(path, domain, mode, triples=True) for path in _listed(triples)]
    if not tasks:
        raise UsageError(
            "nothing to ingest", where="ingest", remedy="name a manifest, a triples file or a folder"
        )
    for task in tasks:
        task.check()
    params = {"paths": [task.path for task in tasks], "domain": domain, "mode": mode}
    return _submit(settings, catalog, workspace_id, tasks, params, idempotency_key)


def submit_records(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    records: Iterable[Mapping[str, Any]],
    *,
    domain: str | None = None,
    mode: str = "update",
    idempotency_key: str | None = None,
    files: Mapping[str, bytes] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> int:
    """The id of a job that ingests records handed over, with the media uploaded beside them.

    The records are written to `uploads/` in the home, media to the blob store; nothing is kept in memory.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        records: As lines of a manifest. `image` and `audio` may also be `bytes`.
        domain: Of records that name none.
        mode: update or replace.
        idempotency_key: Asking twice with the same key does it once.
        files: Uploaded media by the path that records name them by.
        root: Folder whose files records may name by path; None: none, an upload reads no file of ours.

    Raises:
        InputError: A record cannot be written as JSON.
    """
    task = ReadTask(
        name="records",
        domain=None if domain is None else checked_name(domain, "domain"),
        mode=mode,
        root=None if root is None else str(Path(root).resolve()),
        uploaded=True,
    )
    task.check()
    with catalog.read() as session:
        known = find_job(session, workspace_id, idempotency_key)
    if known is not None:
        return known.id
    blobs = BlobStore(settings.blobs_url)
    uploads = {name: UPLOADED + blobs.put(data) for name, data in (files or {}).items()}
    spool = settings.home.resolve() / "uploads" / f"{uuid.uuid4().hex}.jsonl"
    count = write_spool(spool, (_uploaded(record, uploads, blobs) for record in records))
    if not count:
        spool.unlink()
        raise UsageError("nothing to ingest", where="records", remedy="hand over at least one record")
    task = ReadTask(**{**task.to_payload(), "path": str(spool)})
    params = {"records": count, "domain": domain, "mode": mode}
    return _submit(settings, catalog, workspace_id, [task], params, idempotency_key)


def _task(path: str | os.PathLike[str], domain: str | None, mode: str, *, triples: bool) -> ReadTask:
    whole = Path(path).resolve()
    return ReadTask(
        path=str(whole),
        root=str(whole if whole.is_dir() else whole.parent),
        name=Path(path).name or whole.name,
        domain=None if domain is None else checked_name(domain, "domain"),
        mode=mode,
        triples=triples,
    )


def _submit(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    tasks: Sequence[ReadTask],
    params: Mapping[str, Any],
    idempotency_key: str | None,
) -> int:
    with catalog.write() as session:
        known = find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        job = create_job(session, workspace_id, "ingest", params, idempotency_key)
        add_units(session, job, "read", [task.to_payload() for task in tasks])
        job_id = job.id
    notify(settings, "ingest")
    ensure_worker(settings)
    return job_id


def _uploaded(record: Mapping[str, Any], uploads: Mapping[str, str], blobs: BlobStore) -> dict[str, Any]:
    """The record with its media named by content."""
    written = dict(record)
    for modality in ("image", "audio"):
        value = written.get(modality)
        if value is not None:
            parts = value if isinstance(value, list | tuple) else [value]
            written[modality] = [_medium(part, uploads, blobs) for part in parts]
    return written


def _medium(part: Any, uploads: Mapping[str, str], blobs: BlobStore) -> Any:
    if isinstance(part, bytes):
        return UPLOADED + blobs.put(part)
    if isinstance(part, Mapping):
        return {**part, "path": _medium(part["path"], uploads, blobs)} if "path" in part else dict(part)
    if isinstance(part, os.PathLike):
        part = os.fspath(part)
    # Only what came with the request may be named by content.
    if isinstance(part, str) and part.startswith(UPLOADED):
        return f"./{part}"
    return uploads.get(part, part) if isinstance(part, str) else part


def _listed(paths: Any) -> list[Any]:
    if paths is None:
        return []
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)
