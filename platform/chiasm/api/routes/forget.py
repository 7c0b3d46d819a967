"""`/v1/forget` and the receipts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chiasm.api.access import Reader, Writer

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["forget"])


class ForgetBody(BaseModel):
    """What shall be forgotten."""

    model_config = ConfigDict(extra="forbid")

    keys: Annotated[list[str], Field(min_length=1)]
    reason: Annotated[str | None, Field(max_length=2000)] = None


@router.post("/forget", status_code=202)
def forget(backend: Writer, body: ForgetBody) -> dict[str, Any]:
    """Delete entities at once; `{"receipt": ID, "job": ID}`: the job removes every trace of them."""
    return backend.forget(body.keys, reason=body.reason)


@router.get("/receipts")
def list_receipts(backend: Reader) -> dict[str, Any]:
    """All receipts, newest first."""
    return {"receipts": backend.receipts()}


@router.get("/receipts/{receipt_id}")
def show(backend: Reader, receipt_id: int) -> dict[str, Any]:
    """What was forgotten under this number."""
    return backend.receipt(receipt_id)
