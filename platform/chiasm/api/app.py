"""The application: routes, guards, problems and metrics around one open home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from chiasm import __version__
from chiasm.api.access import is_open
from chiasm.api.guard import Guard
from chiasm.api.metrics import Metrics, MetricsMiddleware
from chiasm.api.problems import install_problems
from chiasm.api.routes import (
    duplicates,
    entities,
    evaluations,
    forget,
    graph,
    health,
    ingest,
    jobs,
    releases,
    schedules,
    search,
    workspace,
)
from chiasm.client.embedded import OpenHome
from chiasm.settings import Settings

__all__ = ["build_app"]


def build_app(settings: Settings, *, host: str = "127.0.0.1") -> FastAPI:
    """The ASGI application of a home.

    Args:
        settings: The home; its schema must be there.
        host: Address that it will listen at: on the loopback of a local home no key is needed.
    """
    home = OpenHome(settings)
    open_to_loopback = is_open(settings, host)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        home.close()

    app = FastAPI(
        title="Chiasm",
        version=__version__,
        summary="One searchable space for linked text, images and sound.",
        lifespan=lifespan,
    )
    app.state.home = home
    app.state.open_to_loopback = open_to_loopback
    app.state.metrics = Metrics(home)
    install_problems(app)
    for routes in (
        search,
        entities,
        duplicates,
        forget,
        ingest,
        jobs,
        releases,
        evaluations,
        schedules,
        graph,
        workspace,
        health,
    ):
        app.include_router(routes.router)
    app.add_middleware(Guard, open_to_loopback=open_to_loopback)
    app.add_middleware(MetricsMiddleware, metrics=app.state.metrics)
    return app
