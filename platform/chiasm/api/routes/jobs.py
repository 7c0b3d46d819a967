"""`/v1/jobs`: state, events, failures, cancel, retry."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from chiasm.api.access import Reader, Writer
from chiasm.client import JobProgress
from chiasm.client.embedded import EmbeddedBackend

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_LOOK_EVERY_S = 0.5
#: Proxies cut connections that are silent for long.
_BEAT_EVERY_S = 15.0
_NUDGE_EVERY_S = 2.0


@router.get("")
def list_jobs(
    backend: Reader,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
) -> dict[str, Any]:
    """Jobs, newest first."""
    return {"jobs": backend.jobs(limit=limit, state=state)}


@router.get("/{job_id}")
def show(backend: Reader, job_id: int) -> dict[str, Any]:
    """State, progress and result of a job."""
    now = backend.job(job_id)
    if not JobProgress.from_dict(now).finished:
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


@router.post("/{job_id}/retry")
def retry(backend: Writer, job_id: int) -> dict[str, Any]:
    """Hand in again what failed."""
    count = backend.retry(job_id)
    return {"handed_in": count, "job": backend.job(job_id)}


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def events(backend: Reader, job_id: int) -> StreamingResponse:
    """Server-sent events: `progress` at each change, `end` with the last one."""
    first = await run_in_threadpool(backend.job, job_id)
    stream = _events(backend, job_id, first)
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(backend: EmbeddedBackend, job_id: int, now: dict[str, Any]) -> AsyncIterator[str]:
    sent: dict[str, Any] | None = None
    spoke = nudged = time.monotonic()
    while True:
        moment = time.monotonic()
        finished = JobProgress.from_dict(now).finished
        if sent is None or _changing(now) != _changing(sent) or finished:
            sent, spoke = now, moment
            kind = "end" if finished else "progress"
            yield f"event: {kind}\ndata: {json.dumps(now, ensure_ascii=False)}\n\n"
        elif moment - spoke > _BEAT_EVERY_S:
            spoke = moment
            yield ": still here\n\n"
        if finished:
            return
        if moment - nudged > _NUDGE_EVERY_S:
            nudged = moment
            await run_in_threadpool(backend.nudge)
        await asyncio.sleep(_LOOK_EVERY_S)
        now = await run_in_threadpool(backend.job, job_id)


def _changing(now: dict[str, Any]) -> dict[str, Any]:
    """Without what only the clock moves."""
    return {name: value for name, value in now.items() if name not in ("elapsed_s", "rate_per_s", "eta_s")}
