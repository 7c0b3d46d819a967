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


@router.get("/{name}")
def show(backend: Reader, name: str) -> dict[str, Any]:
    """One release in full."""
    return backend.release(name)


@router.get("/{name}/diff/{other}")
def diff(backend: Reader, name: str, other: str) -> dict[str, Any]:
    """What differs between two releases."""
    return backend.diff_releases(name, other)


@router.post("/{name}/promote")
def promote(backend: Admin, name: str) -> dict[str, Any]:
    """Let a release answer from now on."""
    return backend.promote(name)
