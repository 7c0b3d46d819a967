"""`/v1`: what the workspace holds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chiasm.api.access import Reader

__all__ = ["router"]

router = APIRouter(tags=["workspace"])


@router.get("/v1")
def describe(backend: Reader) -> dict[str, Any]:
    """Counts of entities, assets and statements, domains, and the active release."""
    return backend.describe()
