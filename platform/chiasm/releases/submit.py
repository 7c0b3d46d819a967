"""Ask for a training or an evaluation: rows first, then a wake-up for the workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import func, select

from chiasm import jobs
from chiasm.catalog import Catalog
from chiasm.catalog.models import Entity, Release, Workspace
from chiasm.errors import InputError, UsageError
from chiasm.releases.rules import gate_rules
from chiasm.releases.store import find_release
from chiasm.settings import Settings

__all__ = ["PROMOTE_CHOICES", "submit_evaluate", "submit_train"]

LANE = "train"
PROMOTE_CHOICES = ("gate", "force", False)


def submit_train(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    *,
    recipe: str = "offline",
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    promote: Literal["gate", "force"] | bool = "gate",
    parent: str | None = None,
    gate: Mapping[str, Any] | None = None,
    at_once: bool = False,
    idempotency_key: str | None = None,
) -> int:
    """Id of the job that trains a release, builds its spaces and, if it may, promotes it.

    Args:
        recipe: Name of a shipped recipe or path of a YAML file.
        overrides: Dotted recipe keys and their values.
        promote: `gate` promotes what passes the gate, `force` whatever answers, False nothing.
        parent: Release to start from.
        gate: What differs from the shipped gate rules, by section (`chiasm.releases.rules`).
        at_once: It answers as soon as it is trained and judged: what it has still to embed and fuse stands in meanwhile,
            mapped from the release that answers now (`chiasm.releases.mapping`).
        idempotency_key: Asking twice with the same key makes one job.

    Raises:
        RecipeError: The recipe, an override or a gate rule is not known.
        InputError: The workspace has nothing to train on.
        UsageError: `promote` is not one of the choices.
    """
    from chiasm.fusion.recipe import load_recipe

    if promote not in PROMOTE_CHOICES:
        raise UsageError(f"promote={promote!r} is not known", remedy="use 'gate', 'force' or False")
    # Wrong keys are told now, to the person asking, not later to a log.
    load_recipe(recipe, dict(overrides or {}))
    gate_rules(gate)
    with catalog.write() as session:
        entities = session.scalar(
            select(func.count())
            .select_from(Entity)
            .where(
                Entity.workspace_id == workspace_id, Entity.deleted_at.is_(None), Entity.is_stub.is_(False)
            )
        )
        if not entities:
            raise InputError("there is nothing to train on", remedy="ingest a manifest first")
        source = find_release(session, workspace_id, parent) if parent else None
        params: dict[str, Any] = {
            "recipe": recipe,
            "overrides": dict(overrides or {}),
            "seed": seed,
            "promote": promote,
            **({"gate": dict(gate)} if gate else {}),
            **({"at_once": True} if at_once else {}),
        }
        known = jobs.find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        job = jobs.create_job(session, workspace_id, "train", params, idempotency_key=idempotency_key)
        release = _new_release(session, workspace_id, params, source)
        job.result = {"release": release.name, "state": release.state}
        passed_on: dict[str, Any] = {
            name: params[name] for name in ("promote", "gate", "at_once") if name in params
        }
        payload = {"release_id": release.id, **passed_on}
        jobs.add_units(session, job, "train", [payload], queue=LANE)
        job_id = job.id
    jobs.wake(settings, LANE)
    return job_id


def submit_evaluate(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    *,
    release: str | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Id of the job that judges a release (the active one by default) on its held-out data.

    Raises:
        NotFoundError: No such release, or none is active.
    """
    with catalog.write() as session:
        known = jobs.find_job(session, workspace_id, idempotency_key)
        if known is not None:
            return known.id
        row = find_release(session, workspace_id, release)
        job = jobs.create_job(
            session, workspace_id, "evaluate", {"release": row.name}, idempotency_key=idempotency_key
        )
        jobs.add_units(session, job, "evaluate", [{"release_id": row.id}], queue=LANE)
        job_id = job.id
    jobs.wake(settings, LANE)
    return job_id


def _new_release(session: Any, workspace_id: int, params: dict[str, Any], parent: Release | None) -> Release:
    newest = session.scalar(select(func.max(Release.number)).where(Release.workspace_id == workspace_id)) or 0
    revision = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id))
    release = Release(
        workspace_id=workspace_id,
        number=newest + 1,
        recipe={"name": params["recipe"], "overrides": params["overrides"]},
        seed=params["seed"],
        revision=revision,
        parent_id=parent.id if parent else None,
        folder=f"releases/{workspace_id}/r{newest + 1}",
        metrics={},
        gate={},
    )
    session.add(release)
    session.flush()
    return release
