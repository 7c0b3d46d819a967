"""Handlers of the tests' own units; runners find them by entry point, as they find any other package's."""

import os
import resource
import signal
import time
from typing import Any

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Domain
from chiasm.jobs import Claim, WorkContext


def _effect(ctx: WorkContext, claim: Claim, name: str) -> None:
    """One row, unique in the workspace: a unit that takes effect twice breaks the constraint."""
    with ctx.catalog.write() as session:
        session.add(Domain(workspace_id=claim.workspace_id, name=name))
        session.flush()
        jobs.finish(session, claim, {"noted": 1})


def _effects(ctx: WorkContext, claim: Claim) -> None:
    with ctx.catalog.write() as session:
        for item in claim.payload["ids"]:
            session.add(Domain(workspace_id=claim.workspace_id, name=str(item)))
        jobs.finish(session, claim, {"noted": len(claim.payload["ids"])})


def note(ctx: WorkContext, claim: Claim) -> None:
    _effect(ctx, claim, claim.payload["name"])


def slow(ctx: WorkContext, claim: Claim) -> None:
    steps = claim.payload["steps"]
    for step in range(steps):
        ctx.beat(step, steps, "stepping")
        time.sleep(0.05)
    _effect(ctx, claim, claim.payload["name"])


def poison(ctx: WorkContext, claim: Claim) -> None:
    if claim.payload["bad"] in claim.payload["ids"]:
        # As the kernel does to whoever takes the last of the memory.
        os.kill(os.getpid(), signal.SIGKILL)
    _effects(ctx, claim)


def hang(ctx: WorkContext, claim: Claim) -> None:
    if claim.payload["bad"] in claim.payload["ids"]:
        time.sleep(600)
    _effects(ctx, claim)


def greedy(ctx: WorkContext, claim: Claim) -> None:
    if claim.payload["bad"] in claim.payload["ids"]:
        limits = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (2**20, limits[1]))
        try:
            bytearray(2**30)
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, limits)
    _effects(ctx, claim)


def leave(ctx: WorkContext, claim: Claim) -> None:
    if claim.token == 1:
        os._exit(3)
    _effect(ctx, claim, claim.payload["name"])


def broken(ctx: WorkContext, claim: Claim) -> None:
    raise RuntimeError("it never works")


def grow(ctx: WorkContext, claim: Claim) -> None:
    """Adds units of its own job in the transaction that finishes it."""
    with ctx.catalog.write() as session:
        payloads = [{"name": f"leaf-{index}"} for index in range(claim.payload["leaves"])]
        jobs.add_units(session, claim.job_id, "note", payloads)
        jobs.finish(session, claim, {"grown": 1})


def submit_trial(
    settings: Any, catalog: Catalog, workspace_id: int, *, name: str, idempotency_key: str
) -> int:
    with catalog.write() as session:
        known = jobs.find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        job = jobs.create_job(session, workspace_id, "trial", {"name": name}, idempotency_key)
        jobs.add_units(session, job, "note", [{"name": f"{name}-{idempotency_key}"}])
        return job.id
