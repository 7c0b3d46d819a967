"""`/v1/workers`: who works."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chiasm.api.access import Admin

__all__ = ["router"]

router = APIRouter(prefix="/v1/workers", tags=["jobs"])


@router.get("")
def list_workers(backend: Admin) -> dict[str, Any]:
    """Workers that live, what they run on, and the unit that each of their lanes is at."""
    return {"workers": backend.workers()}
