"""`/v1/notices`: what people were told of."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from chiasm.api.access import Admin

__all__ = ["router"]

router = APIRouter(prefix="/v1/notices", tags=["notices"])


@router.get("")
def list_notices(backend: Admin, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """Outcomes, newest first, and how far each is on its way by webhook and mail."""
    return {"notices": backend.notices(limit=limit)}
