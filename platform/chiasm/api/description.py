"""Bodies that routes read by themselves, in the service's description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

__all__ = ["describe_bodies"]


def describe_bodies(app: FastAPI, *bodies: type[BaseModel]) -> None:
    """Add models to `components.schemas` of `/openapi.json`, for routes that refer to them by name."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            _, found = models_json_schema(
                [(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}"
            )
            schema.setdefault("components", {}).setdefault("schemas", {}).update(found["$defs"])
            app.openapi_schema = schema
        return app.openapi_schema

    # The framework's own way to change the description.
    app.openapi = described  # type: ignore[method-assign]
