"""`/v1/ingest`: records as JSON, lines, or a form with manifest and media; never a path of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from chiasm.api.access import Writer
from chiasm.api.records import unpack_lines, write_records
from chiasm.api.revisions import IfMatch, seen_revision
from chiasm.api.uploads import drop_folder, new_folder, open_form, save_file, save_stream
from chiasm.errors import UsageError

__all__ = ["router"]

router = APIRouter(prefix="/v1/ingest", tags=["ingest"])
_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
_BODIES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["records"],
                    "properties": {"records": {"type": "array", "items": {"type": "object"}}},
                }
            },
            "application/x-ndjson": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        name: {"type": "array", "items": {"type": "string", "format": "binary"}}
                        for name in ("manifest", "triples", "media")
                    },
                }
            },
        },
    }
}
Mode = Literal["update", "replace"]


@router.post("", status_code=202, openapi_extra=_BODIES)
async def ingest(
    backend: Writer,
    request: Request,
    domain: Annotated[str | None, Query(description="Domain of lines that name none.")] = None,
    mode: Mode = "update",
    idempotency_key: Annotated[str | None, Header()] = None,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """A job that takes in what was sent: `{"job": ID}`. `If-Match` goes with one record as JSON."""
    seen = seen_revision(if_match)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    folder = await run_in_threadpool(new_folder, backend.home.settings)
    try:
        paths, triples = await _received(kind, folder, request, seen)
        job_id = await run_in_threadpool(
            lambda: backend.ingest_paths(
                paths, domain=domain, mode=mode, triples=triples, idempotency_key=idempotency_key
            )
        )
    except BaseException:
        # Also when the client went away: nobody will read what came so far.
        drop_folder(folder)
        raise
    return {"job": job_id}


async def _received(
    kind: str, folder: Path, request: Request, seen: int | None
) -> tuple[list[Path], list[Path]]:
    if kind == "application/json":
        return [write_records(folder, await request.body(), if_revision=seen)], []
    if seen is not None:
        raise UsageError(
            "this goes with one record as JSON",
            where="If-Match",
            remedy="write if_revision into each record instead",
        )
    if kind in _LINES:
        received = await save_stream(folder, "received.jsonl", request)
        return [await run_in_threadpool(unpack_lines, folder, received)], []
    if kind == "multipart/form-data":
        return await _form(folder, request)
    raise UsageError(
        f"unknown content type {kind[:80] or 'none'!r}",
        where="Content-Type",
        remedy="use application/json, application/x-ndjson or multipart/form-data",
    )


async def _form(folder: Path, request: Request) -> tuple[list[Path], list[Path]]:
    saved: dict[str, list[Path]] = {"manifest": [], "triples": [], "media": []}
    async with open_form(request) as form:
        for name, item in form.multi_items():
            if name not in saved or not isinstance(item, UploadFile) or not item.filename:
                raise UsageError(
                    f"unknown part {name[:80]!r}", where="form", remedy=f"send files as {', '.join(saved)}"
                )
            saved[name].append(await save_file(folder, item.filename, item))
    if not saved["manifest"] and not saved["triples"]:
        raise UsageError("there is nothing to ingest", where="form", remedy="send a manifest or triples")
    return saved["manifest"], saved["triples"]
