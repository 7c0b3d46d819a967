"""Who may do what: an API key's workspace and scope, or the open loopback of a local home."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.engine import make_url
from starlette.concurrency import run_in_threadpool

from chiasm.api.errors import KeyMissing, ScopeTooSmall
from chiasm.api.guard import is_loopback
from chiasm.catalog.commits import CommitWatch, Mark
from chiasm.catalog.keys import KeyGrant, find_key
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.settings import Settings

__all__ = ["Access", "Admin", "Reader", "Writer", "is_open"]

#: Grants remembered until the catalog changes.
_MAX_GRANTS = 1024
_bearer = HTTPBearer(auto_error=False, description="A key made by `chiasm keys create`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)


def is_open(settings: Settings, host: str) -> bool:
    """Whether callers need no key: the home is this machine's own, and only this machine can call."""
    return is_loopback(host) and make_url(settings.catalog_url).get_backend_name() == "sqlite"


class Access:
    """Opens the home to who may enter.

    Args:
        home: Holds the keys.
        open_to_loopback: Whether callers need none.
    """

    def __init__(self, home: OpenHome, *, open_to_loopback: bool) -> None:
        self._home = home
        # One for all of them: it looks up its workspace once.
        self._anybody = EmbeddedBackend(home, isolate=True) if open_to_loopback else None
        self._watch = CommitWatch(home.catalog)
        self._mark: Mark | None = None
        self._grants: dict[bytes, KeyGrant] = {}

    def backend(self, secret: str | None, scope: str) -> EmbeddedBackend:
        """The home as a caller with this key may use it; safe to call from any thread.

        Raises:
            KeyMissing: There is no key, or it opens nothing.
            ScopeTooSmall: The key allows less.
        """
        return self._opened(secret, self._found(secret), scope)

    async def quick_backend(self, secret: str | None, scope: str) -> EmbeddedBackend:
        """As `backend`, from the event loop: a key is looked up again only where something was committed."""
        if secret is None:
            return self._opened(None, None, scope)
        mark = self._watch.mark()
        if mark is None or mark != self._mark:
            self._grants, self._mark = {}, mark
        grants, name = self._grants, _name(secret)
        grant = grants.get(name)
        if grant is None:
            # The mark is older than what is read: who is revoked in between is asked for again.
            grant = await run_in_threadpool(self._found, secret)
            if mark is not None and grant is not None and len(grants) < _MAX_GRANTS:
                grants[name] = grant
        return self._opened(secret, grant, scope)

    def _found(self, secret: str | None) -> KeyGrant | None:
        if secret is None:
            return None
        with self._home.catalog.read() as session:
            return find_key(session, secret)

    def _opened(self, secret: str | None, grant: KeyGrant | None, scope: str) -> EmbeddedBackend:
        if secret is None and self._anybody is not None:
            return self._anybody
        if secret is None:
            raise KeyMissing(
                "an API key is needed",
                where="Authorization",
                remedy="send `Authorization: Bearer KEY`; `chiasm keys create` makes one",
            )
        if grant is None:
            raise KeyMissing(
                "the API key opens nothing",
                where="Authorization",
                remedy="it may be revoked; see `chiasm keys list`",
            )
        if not grant.allows(scope):
            raise ScopeTooSmall(
                f"the key's scope is {grant.scope}, this needs {scope}",
                where=grant.name,
                remedy=f"make a key with `chiasm keys create NAME --scope {scope}`",
            )
        return EmbeddedBackend(self._home, workspace_id=grant.workspace_id, isolate=True)


def _name(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _needs(scope: str) -> Callable[..., EmbeddedBackend]:
    def backend(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> EmbeddedBackend:
        access: Access = request.app.state.access
        return access.backend(bearer.credentials if bearer is not None else header, scope)

    return backend


Reader = Annotated[EmbeddedBackend, Depends(_needs("read"))]
Writer = Annotated[EmbeddedBackend, Depends(_needs("write"))]
Admin = Annotated[EmbeddedBackend, Depends(_needs("admin"))]
