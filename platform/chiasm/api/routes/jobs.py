"""`/v1/jobs`: state, events, failures, cancel, pause, resume, retry."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from chiasm.api.access import Reader, Writer
from chiasm.client import JobProgress
from chiasm.client.embedded import EmbeddedBackend
from chiasm.errors import UnavailableError
from chiasm.jobs.queueing import PAUSED

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_LOOK_EVERY_S = 0.5
#: Pause that browsers make before they connect again.
_RETRY_MS = 1000
#: Proxies cut connections that are silent for long.
_BEAT_EVERY_S = 15.0
_NUDGE_EVERY_S = 2.0


@router.get("")
def list_jobs(
    backend: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled"] | None = None,
) -> dict[str, Any]:
    """Jobs, newest first."""
    return {"jobs": backend.jobs(limit=limit, state=state)}


@router.get("/{job_id}")
def show(backend: Reader, job_id: int) -> dict[str, Any]:
    """State, progress and result of a job."""
    now = backend.job(job_id)
    if _needs_worker(now):
        # Who asks is waiting: an embedded home whose worker was killed gets a new one.
        backend.nudge()
    return now


@router.get("/{job_id}/failures")
def failures(
    backend: Reader, job_id: int, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> dict[str, Any]:
    """What failed alone in a job."""
    return {"failures": backend.failures(job_id, limit=limit)}


@router.post("/{job_id}/cancel")
def cancel(backend: Writer, job_id: int) -> dict[str, Any]:
    """Ask a job to stop."""
    backend.cancel(job_id)
    return backend.job(job_id)


@router.post("/{job_id}/pause")
def pause(backend: Writer, job_id: int) -> dict[str, Any]:
    """Have a job wait: what runs is finished, nothing more is begun."""
    backend.pause(job_id)
    return backend.job(job_id)


@router.post("/{job_id}/resume")
def resume(backend: Writer, job_id: int) -> dict[str, Any]:
    """Let a paused job go on."""
    backend.resume(job_id)
    return backend.job(job_id)


@router.post("/{job_id}/retry")
def retry(backend: Writer, job_id: int) -> dict[str, Any]:
    """Hand in again what failed."""
    count = backend.retry(job_id)
    return {"handed_in": count, "job": backend.job(job_id)}


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def events(
    backend: Reader, job_id: int, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    """Server-sent events: `progress` at each change, `end` with the last one.

    Each is the job as at `/v1/jobs/{job_id}`: state, stage, done, total, rate, ETA, failures. Who comes back with
    `Last-Event-ID` gets what is new since; one that has seen the end gets 204, which ends its reconnecting.
    """
    first = await run_in_threadpool(backend.job, job_id)
    if last_event_id == _mark(first) and JobProgress.from_dict(first).finished:
        return Response(status_code=204)
    return StreamingResponse(
        _events(backend, job_id, first, last_event_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    backend: EmbeddedBackend, job_id: int, now: dict[str, Any], sent: str | None
) -> AsyncIterator[str]:
    spoke = nudged = time.monotonic()
    yield f"retry: {_RETRY_MS}\n\n"
    while True:
        moment = time.monotonic()
        finished = JobProgress.from_dict(now).finished
        if _mark(now) != sent:
            sent, spoke = _mark(now), moment
            kind = "end" if finished else "progress"
            yield f"event: {kind}\nid: {sent}\ndata: {json.dumps(now, ensure_ascii=False)}\n\n"
        elif moment - spoke > _BEAT_EVERY_S:
            spoke = moment
            yield ": still here\n\n"
        if finished:
            return
        if moment - nudged > _NUDGE_EVERY_S and _needs_worker(now):
            nudged = moment
            await run_in_threadpool(backend.nudge)
        await asyncio.sleep(_LOOK_EVERY_S)
        # The catalog may be away for a while: the connection stays, and so does the job.
        with suppress(UnavailableError):
            now = await run_in_threadpool(backend.job, job_id)


def _mark(now: dict[str, Any]) -> str:
    """The event's id: equal for equal progress, whatever process tells it; what only the clock moves is left out."""
    kept = {name: value for name, value in now.items() if name not in ("elapsed_s", "rate_per_s", "eta_s")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def _needs_worker(now: dict[str, Any]) -> bool:
    return now["state"] != PAUSED and not JobProgress.from_dict(now).finished
