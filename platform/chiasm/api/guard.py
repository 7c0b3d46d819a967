"""What is refused before any route sees it: foreign callers of an open home, and bodies too large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chiasm.api.errors import BodyTooLarge, ForeignCaller
from chiasm.api.problems import problem_of
from chiasm.errors import ChiasmError

__all__ = ["Guard", "is_loopback"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MIB = 2**20
#: Longest prefix counts.
_MAX_BYTES = {"/v1/ingest": 1024 * _MIB, "/v1/search": 64 * _MIB, "/": 2 * _MIB}


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    return host.strip("[]").lower() in _LOOPBACK


class Guard:
    """ASGI middleware.

    Args:
        app: What it stands before.
        open_to_loopback: Whether callers need no key; then a page of a foreign site, which the browser of
            somebody on this machine shows, must not get through (DNS rebinding, cross-site requests).
    """

    def __init__(self, app: ASGIApp, *, open_to_loopback: bool) -> None:
        self._app = app
        self._open = open_to_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts, origins, lengths = _looked_at(scope["headers"])
        counted = _Counted(receive, _max_bytes(scope["path"]))
        try:
            if self._open and not _is_ours(hosts, origins):
                _check_caller(hosts, origins)
            counted.check_announced(lengths[0] if lengths else None)
        except ChiasmError as error:
            await problem_of(error)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            # Whatever a route made of the error: what is said is that the body was too large.
            if counted.error is None:
                await send(message)
            elif message["type"] == "http.response.start":
                await problem_of(counted.error)(scope, receive, send)

        # Nobody is there to be answered; what had come is cleared away by then.
        with suppress(ClientDisconnect):
            await self._app(scope, counted, answer)


class _Counted:
    """Receives a body and stops when it grows too large, whatever its announced length."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0
        #: Set once the body was too large.
        self.error: BodyTooLarge | None = None

    def check_announced(self, length: str | None) -> None:
        if length is not None and length.isdigit() and int(length) > self._limit:
            raise self._error()

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            self.error = self._error()
            raise self.error
        return message

    def _error(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the body is larger than {self._limit // _MIB} MiB",
            where="body",
            remedy="send it in several requests",
        )


def _looked_at(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, ...], ...]:
    """Values of host, origin and content-length: one pass, for this stands before every request."""
    found: dict[bytes, tuple[str, ...]] = {b"host": (), b"origin": (), b"content-length": ()}
    for name, value in headers:
        if name in found:
            found[name] += (value.decode("latin-1"),)
    return tuple(found.values())


@lru_cache(maxsize=64)
def _is_ours(hosts: tuple[str, ...], origins: tuple[str, ...]) -> bool:
    try:
        _check_caller(hosts, origins)
    except ForeignCaller:
        return False
    return True


def _check_caller(hosts: Sequence[str], origins: Sequence[str]) -> None:
    if len(hosts) != 1 or not is_loopback(_hostname(f"//{hosts[0]}")):
        raise ForeignCaller(
            "the Host header is not this machine's",
            where=", ".join(hosts) or "Host",
            remedy="call it as http://127.0.0.1:PORT, or bind it elsewhere and use API keys",
        )
    for origin in origins:
        if _netloc(origin).lower() != hosts[0].lower():
            raise ForeignCaller(
                "the request comes from a page of another site",
                where=origin,
                remedy="use an API key and a service that is bound to more than loopback",
            )


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _max_bytes(path: str, prefixes: Iterable[str] = tuple(_MAX_BYTES)) -> int:
    return _MAX_BYTES[max((prefix for prefix in prefixes if path.startswith(prefix)), key=len, default="/")]
