"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from chiasm.api.access import Reader
from chiasm.api.problems import problem
from chiasm.api.warm_up import WarmUp
from chiasm.errors import ChiasmError

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Whether it can do its work: the catalog answers and has the newest schema; spaces and models are loaded."""
    from fastapi.responses import JSONResponse

    from chiasm_migrations.upgrade import schema_status

    home = request.app.state.home
    try:
        with home.catalog.read() as session:
            session.connection()
            status = schema_status(home.catalog.engine)
    except ChiasmError as error:
        return problem(503, "not-ready", error.what, remedy=error.remedy)
    if not status.up_to_date:
        return problem(503, "not-ready", "the schema is not the newest", remedy="run `chiasm db upgrade`")
    warm_up: WarmUp = request.app.state.warm_up
    if not warm_up.done:
        return problem(503, "not-ready", "spaces and models are being loaded", remedy="ask again in a moment")
    failed = {"failed": warm_up.problems} if warm_up.problems else {}
    return JSONResponse({"status": "ready", "schema": status.current, **failed})


@router.get("/metrics", response_class=Response)
def metrics(request: Request, backend: Reader) -> Response:
    """Metrics for Prometheus."""
    text = request.app.state.metrics.exposition()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
