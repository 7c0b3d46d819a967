"""Who may do what: an API key's workspace and scope, or the open loopback of a local home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.engine import make_url

from chiasm.api.errors import KeyMissing, ScopeTooSmall
from chiasm.api.guard import is_loopback
from chiasm.catalog.keys import find_key
from chiasm.client.embedded import EmbeddedBackend, OpenHome
from chiasm.settings import Settings

__all__ = ["Admin", "Reader", "Writer", "is_open"]

_bearer = HTTPBearer(auto_error=False, description="A key made by `chiasm keys create`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)


def is_open(settings: Settings, host: str) -> bool:
    """Whether callers need no key: the home is this machine's own, and only this machine can call."""
    return is_loopback(host) and make_url(settings.catalog_url).get_backend_name() == "sqlite"


def _needs(scope: str) -> Callable[..., EmbeddedBackend]:
    def backend(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> EmbeddedBackend:
        home: OpenHome = request.app.state.home
        secret = bearer.credentials if bearer is not None else header
        if secret is None:
            if request.app.state.open_to_loopback:
                return EmbeddedBackend(home, isolate=True)
            raise KeyMissing(
                "an API key is needed",
                where="Authorization",
                remedy="send `Authorization: Bearer KEY`; `chiasm keys create` makes one",
            )
        with home.catalog.read() as session:
            grant = find_key(session, secret)
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
        return EmbeddedBackend(home, workspace_id=grant.workspace_id, isolate=True)

    return backend


Reader = Annotated[EmbeddedBackend, Depends(_needs("read"))]
Writer = Annotated[EmbeddedBackend, Depends(_needs("write"))]
Admin = Annotated[EmbeddedBackend, Depends(_needs("admin"))]
