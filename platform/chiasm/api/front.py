"""Searches as JSON, straight from the socket to the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from chiasm.api.access import Access
from chiasm.api.desk import Desk
from chiasm.api.problems import problem_for
from chiasm.api.questions import BatchBody, RecommendBody, SearchBody, recommendation, search_request
from chiasm.client.embedded import EmbeddedBackend
from chiasm.errors import ChiasmError

__all__ = ["Front"]

_JSON = b"application/json"


class _Named(NamedTuple):
    """What the metrics call a route."""

    path: str


class Front:
    """ASGI middleware that answers `POST /v1/search`, `/v1/search/batch` and `/v1/recommend` by itself, forms excepted.

    Routing, dependencies, exit stacks and response models of the framework take several times as long as a search
    by entity. The routes stay there for the description, and for forms.
    """

    def __init__(self, app: ASGIApp, *, access: Access, desk: Desk) -> None:
        self._app = app
        self._access = access
        self._desk = desk
        self._routes: dict[str, tuple[_Named, Callable[[EmbeddedBackend, bytes], Awaitable[bytes]]]] = {
            "/v1/search": (_Named("/v1/search"), self._one),
            "/v1/search/batch": (_Named("/v1/search/batch"), self._several),
            "/v1/recommend": (_Named("/v1/recommend"), self._recommended),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a search, or pass the request on."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        # Of equal names the first counts, as everywhere in the framework.
        headers = dict(reversed(scope["headers"]))
        if headers.get(b"content-type", _JSON).startswith(b"multipart/"):
            await self._app(scope, receive, send)
            return
        scope["route"], answer = route
        try:
            backend = await self._access.quick_backend(_secret(headers), "read")
            body = await answer(backend, await _body(receive))
        except (ChiasmError, RequestValidationError) as error:
            await problem_for(Request(scope), error)(scope, receive, send)
            return
        length = str(len(body)).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", _JSON), (b"content-length", length)],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _one(self, backend: EmbeddedBackend, body: bytes) -> bytes:
        return await self._desk.search(backend, search_request(SearchBody.from_json(body)))

    async def _recommended(self, backend: EmbeddedBackend, body: bytes) -> bytes:
        return await self._desk.search(backend, recommendation(RecommendBody.from_json(body)))

    async def _several(self, backend: EmbeddedBackend, body: bytes) -> bytes:
        return await self._desk.search_batch(backend, BatchBody.from_json(body).requests())


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _secret(headers: dict[bytes, bytes]) -> str | None:
    """The key that was sent, by either header."""
    kind, _, bearer = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if bearer and kind.lower() == "bearer":
        return bearer.strip()
    given = headers.get(b"x-api-key")
    return given.decode("latin-1") if given is not None else None
