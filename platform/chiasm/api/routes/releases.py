"""`/v1/releases`: train, list, show, compare, promote, roll back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Admin, Reader

__all__ = ["router"]

router = APIRouter(prefix="/v1/releases", tags=["releases"])


class Training(BaseModel):
    """What to train."""

    model_config = ConfigDict(extra="forbid")

    #: Name of a shipped recipe; a path would be one of the server's files.
    recipe: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "offline"
    seed: int = 0
    overrides: dict[str, str] = {}
    promote: Literal["gate", "force"] | Literal[False] = "gate"
    parent: str | None = None
    #: Gate rules that differ from the shipped ones, by section.
    gate: dict[str, dict[str, Any]] | None = None
    #: Answer at once; what has still to be made stands in, mapped from the release before.
    at_once: bool = False


class Previewing(BaseModel):
    """What to compare a release with, and on how much."""

    model_config = ConfigDict(extra="forbid")

    #: None: the active one.
    against: str | None = None
    queries: Annotated[int, Field(ge=1, le=500)] = 100
    k: Annotated[int, Field(ge=1, le=100)] = 10


class Promotion(BaseModel):
    """How long the release is watched."""

    model_config = ConfigDict(extra="forbid")

    watch_s: Annotated[float, Field(ge=0, le=7 * 86400)] = 0.0


class TrialBody(BaseModel):
    """How a release is put beside the active one."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["canary", "shadow"]
    share: Annotated[float, Field(gt=0, le=1)] = 0.1


class SavedQuery(BaseModel):
    """A text or an entity that previews ask."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=2000)]
    text: Annotated[str, Field(max_length=2000)] | None = None
    entity: Annotated[str, Field(max_length=2000)] | None = None
    into: Annotated[str, Field(max_length=2000)] | None = None


class SavedName(BaseModel):
    """Which saved query."""

    model_config = ConfigDict(extra="forbid")

    name: str


@router.get("")
def list_releases(backend: Reader) -> dict[str, Any]:
    """Releases, newest first."""
    return {"releases": backend.releases()}


@router.post("", status_code=202)
def train(backend: Admin, body: Training) -> dict[str, Any]:
    """A job that trains a release."""
    job_id = backend.train(
        recipe=body.recipe,
        overrides=body.overrides,
        seed=body.seed,
        promote=body.promote,
        parent=body.parent,
        gate=body.gate,
        at_once=body.at_once,
    )
    return {"job": job_id}


@router.get("/advice")
def advise(backend: Reader) -> dict[str, Any]:
    """What to train with, and how long it will take on this machine."""
    return backend.advise()


@router.post("/rollback")
def rollback(backend: Admin) -> dict[str, Any]:
    """Let the release before answer again."""
    return backend.rollback()


@router.get("/trials")
def trials(backend: Reader) -> dict[str, Any]:
    """Watches, canaries and shadows, newest first."""
    return {"trials": backend.trials()}


@router.post("/trials/stop")
def stop_trial(backend: Admin) -> dict[str, Any]:
    """End the canary or shadow that is on."""
    return backend.stop_trial()


@router.get("/queries")
def queries(backend: Reader) -> dict[str, Any]:
    """Queries that previews ask."""
    return {"queries": backend.kept_queries()}


@router.post("/queries", status_code=201)
def save_query(backend: Admin, body: SavedQuery) -> dict[str, Any]:
    """Save a query under a name."""
    return backend.save_query(body.name, text=body.text, entity=body.entity, into=body.into)


@router.post("/queries/remove")
def drop_query(backend: Admin, body: SavedName) -> dict[str, Any]:
    """Remove a saved query; in the body, as names may hold slashes."""
    backend.drop_query(body.name)
    return {"removed": body.name}


@router.get("/{name}")
def show(backend: Reader, name: str) -> dict[str, Any]:
    """One release in full."""
    return backend.release(name)


@router.get("/{name}/diff/{other}")
def diff(backend: Reader, name: str, other: str) -> dict[str, Any]:
    """What differs between two releases."""
    return backend.diff_releases(name, other)


@router.get("/{name}/card")
def card(backend: Reader, name: str) -> dict[str, Any]:
    """A release's model card: `{"markdown"}`."""
    return {"markdown": backend.release_card(name)}


@router.post("/{name}/preview")
def preview(backend: Reader, name: str, body: Previewing | None = None) -> dict[str, Any]:
    """How the answers of two releases differ."""
    asked = body or Previewing()
    return backend.preview_release(name, against=asked.against, queries=asked.queries, k=asked.k)


@router.post("/{name}/trial")
def start_trial(backend: Admin, name: str, body: TrialBody) -> dict[str, Any]:
    """Let a release answer a share of the searches, or be asked in silence."""
    return backend.start_trial(name, kind=body.kind, share=body.share)


@router.post("/{name}/promote")
def promote(backend: Admin, name: str, body: Promotion | None = None) -> dict[str, Any]:
    """Let a release answer from now on."""
    return backend.promote(name, watch_s=(body or Promotion()).watch_s)
