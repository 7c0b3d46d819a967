"""The application: routes, guards, problems and metrics around one open home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from chiasm import __version__
from chiasm.api.access import Access, is_open
from chiasm.api.description import describe_bodies
from chiasm.api.desk import Desk
from chiasm.api.front import Front
from chiasm.api.guard import Guard
from chiasm.api.metrics import Metrics, MetricsMiddleware
from chiasm.api.problems import install_problems
from chiasm.api.questions import BatchBody, SearchBody
from chiasm.api.routes import (
    ask,
    classify,
    distill,
    duplicates,
    entities,
    evaluations,
    feedback,
    forget,
    graph,
    health,
    ingest,
    jobs,
    notices,
    reasoning,
    releases,
    schedules,
    search,
    workers,
    workspace,
)
from chiasm.api.warm_up import WarmUp
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
    access = Access(home, open_to_loopback=open_to_loopback)
    metrics = Metrics(home)
    desk = Desk(home, metrics.searches)
    warm_up = WarmUp(home)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        desk.open()
        warm_up.start()
        yield
        await run_in_threadpool(warm_up.close)
        await run_in_threadpool(desk.close)
        home.close()

    app = FastAPI(
        title="Chiasm",
        version=__version__,
        summary="One searchable space for linked text, images and sound.",
        lifespan=lifespan,
    )
    app.state.home = home
    app.state.access = access
    app.state.desk = desk
    app.state.metrics = metrics
    app.state.warm_up = warm_up
    install_problems(app)
    for routes in (
        search,
        entities,
        duplicates,
        forget,
        ingest,
        jobs,
        releases,
        distill,
        evaluations,
        feedback,
        schedules,
        notices,
        workers,
        # Before the graph, whose keys are the rest of the path.
        reasoning,
        graph,
        ask,
        classify,
        workspace,
        health,
    ):
        app.include_router(routes.router)
    describe_bodies(app, SearchBody, BatchBody)
    app.add_middleware(Front, access=access, desk=desk)
    app.add_middleware(Guard, open_to_loopback=open_to_loopback)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    return app
