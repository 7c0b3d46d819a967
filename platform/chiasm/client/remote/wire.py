"""One HTTP connection: requests, and problem documents turned back into our errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx

from chiasm import errors
from chiasm.client.errors import AccessDenied, ServiceError
from chiasm.client.protocol import JsonDict
from chiasm.errors import ChiasmError

__all__ = ["Wire", "quoted"]


def quoted(key: str) -> str:
    """An entity's key as part of a path."""
    return quote(key, safe="/:")


class Wire:
    """Sends requests to a service.

    Args:
        url: Where it listens.
        api_key: Sent with each request.
        timeout_s: For one request.
    """

    def __init__(self, url: str, *, api_key: str | None, timeout_s: float) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # Uploads may take long as a whole; no single read or write does.
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s)

    def get(self, path: str, **parameters: Any) -> JsonDict:
        """The JSON at a path; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._json(self.send("GET", path, params=given))

    def post(self, path: str, body: Any = None) -> JsonDict:
        """The JSON answer to a JSON body."""
        return self._json(self.send("POST", path, json={} if body is None else body))

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a request.

        Raises:
            ServiceError: Nobody answers, or the service failed.
            ChiasmError: What the service says was wrong, in the class that it was there.
        """
        try:
            response = self._client.request(method, path, **options)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise _unreachable(self.url, error) from error
        if response.is_error:
            raise _error_of(response)
        return response

    def events(self, path: str, last_id: str | None = None) -> Iterator[dict[str, str]]:
        """Server-sent events, each as its fields, until the connection ends; a sign of life has none.

        Args:
            path: Where they come from.
            last_id: The last event that was seen.

        Raises:
            ServiceError: Nobody answers, the connection broke, or the service failed.
            ChiasmError: What the service says was wrong.
        """
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        try:
            with self._client.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    response.read()
                    raise _error_of(response)
                event: dict[str, str] = {}
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if line and name:
                        event[name] = value
                    elif not line:
                        yield event
                        event = {}
        except httpx.TransportError as error:
            raise _unreachable(self.url, error) from error

    def pages(self, path: str, field: str, **parameters: Any) -> Iterator[JsonDict]:
        """The rows of all pages of a listing."""
        cursor: int | None = 0
        while cursor is not None:
            page = self.get(path, cursor=cursor, **parameters)
            yield from page[field]
            cursor = page["next_cursor"]

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _json(self, response: httpx.Response) -> JsonDict:
        try:
            answer = response.json()
        except ValueError as error:
            raise ServiceError(
                "the answer is not JSON", where=str(response.url), remedy="is this a Chiasm service?"
            ) from error
        return dict(answer)


def _unreachable(url: str, error: Exception) -> ServiceError:
    what = f"the service cannot be reached: {error}"
    return ServiceError(what, where=url, remedy="is `chiasm serve` running there?")


def _error_of(response: httpx.Response) -> ChiasmError:
    try:
        problem = dict(response.json())
    except (ValueError, TypeError):
        problem = {}
    slug = str(problem.get("type", "")).rpartition(":")[2]
    what = str(problem.get("detail") or f"the service answered {response.status_code}")
    kind = _KINDS.get(slug) or (AccessDenied if response.status_code in (401, 403) else ServiceError)
    return kind(what, where=problem.get("where") or str(response.url), remedy=problem.get("remedy"))


def _kinds() -> dict[str, type[ChiasmError]]:
    named = [getattr(errors, name) for name in errors.__all__]
    kinds = [kind for kind in named if isinstance(kind, type) and issubclass(kind, ChiasmError)]
    ours = [kind for kind in kinds if kind is not ChiasmError]
    return {**{kind.slug: kind for kind in ours}, "too-large": errors.InputError, "error": ServiceError}


_KINDS = _kinds()
