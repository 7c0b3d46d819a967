"""The HTTP service: `create_app(settings)` gives an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from chiasm.settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, *, host: str = "127.0.0.1") -> FastAPI:
    """The application of a home; see `chiasm.api.app.build_app`.

    Args:
        settings: The home; default from the environment (`uvicorn --factory chiasm.api:create_app`).
        host: Address that it will listen at; decides whether keys are needed.
    """
    from chiasm.api.app import build_app
    from chiasm.settings import load_settings

    return build_app(settings or load_settings(), host=host)
