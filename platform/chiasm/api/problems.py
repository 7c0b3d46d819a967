"""Every error as an RFC 9457 problem document."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chiasm.errors import ChiasmError, OverloadedError, TimedOutError

__all__ = ["PROBLEM_TYPE", "install_problems", "problem", "problem_for", "problem_of"]

PROBLEM_TYPE = "application/problem+json"
#: Identifies kinds of problems; nothing is fetched from there.
_TYPE_PREFIX = "urn:chiasm:problem:"
#: Characters of a message, and of its place.
_SHOWN = 1000
#: Mistakes that one answer lists.
_LISTED = 20
#: What goes with a status; who is told that something is away asks again soon.
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
#: Searches wait for no longer than a moment where all goes well.
_SOON = {"Retry-After": "1"}
_log = logging.getLogger(__name__)


def problem(
    status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """A problem document; `members` that are None are left out."""
    body = {
        "type": f"{_TYPE_PREFIX}{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **{name: value for name, value in members.items() if value is not None},
    }
    return JSONResponse(body, status_code=status, headers=dict(headers or {}), media_type=PROBLEM_TYPE)


def problem_of(error: ChiasmError) -> JSONResponse:
    """The document of one of our errors."""
    # What broke inside names files of the machine; that is for its log, not for strangers.
    where = error.where if error.http_status < 500 else None
    headers = _SOON if isinstance(error, OverloadedError) else _HEADERS.get(error.http_status)
    # Messages quote what was sent; nobody needs it back whole.
    return problem(
        error.http_status,
        error.slug,
        error.what[:_SHOWN],
        headers=headers,
        where=where[:_SHOWN] if where is not None else None,
        remedy=error.remedy,
    )


def install_problems(app: FastAPI) -> None:
    """Let the application answer every error as a problem document."""
    app.add_exception_handler(ChiasmError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem_for(request: Request, error: ChiasmError | RequestValidationError) -> JSONResponse:
    """The document of an error that a request ended with; what broke inside is logged."""
    return _refused(request, error) if isinstance(error, ChiasmError) else _malformed(error)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ChiasmError):
        raise error
    return _refused(request, error)


def _refused(request: Request, error: ChiasmError) -> JSONResponse:
    # Turning away and giving up are counted; a log line each would only add to the load.
    if error.http_status >= 500 and not isinstance(error, OverloadedError | TimedOutError):
        _log.error("request failed", exc_info=error, extra={"path": request.url.path, "slug": error.slug})
    return problem_of(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return _malformed(error)


def _malformed(error: RequestValidationError) -> JSONResponse:
    found = [
        {"where": ".".join(str(part) for part in item["loc"])[:_SHOWN], "what": item["msg"][:_SHOWN]}
        for item in error.errors()[:_LISTED]
    ]
    first = found[0]
    return problem(
        422,
        "usage",
        first["what"],
        where=first["where"],
        remedy="the description is at /openapi.json",
        errors=found,
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    slugs = {404: "not-found", 405: "usage", 413: "too-large"}
    return problem(
        error.status_code,
        slugs.get(error.status_code, "error"),
        str(error.detail),
        headers=error.headers,
        where=request.url.path[:_SHOWN],
        remedy="the description is at /openapi.json" if error.status_code in (400, 404, 405) else None,
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The server's own middleware logs the stack; the answer tells nothing of the inside.
    return problem(500, "error", "the service failed by itself", remedy="its log says why")
