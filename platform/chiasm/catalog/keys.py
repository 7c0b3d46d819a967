"""API keys: made once, shown once, kept as a hash, with a scope."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from chiasm.catalog.models import ApiKey
from chiasm.catalog.names import check_name
from chiasm.errors import ConflictError, NotFoundError, UsageError

__all__ = ["SCOPES", "KeyGrant", "create_key", "find_key", "list_keys", "revoke_key"]

#: Each includes the ones before.
SCOPES = ("read", "write", "admin")
#: Lets secret scanners recognise a leaked key.
_PREFIX = "chiasm_"


@dataclass(frozen=True)
class KeyGrant:
    """What a valid key allows."""

    workspace_id: int
    name: str
    scope: str

    def allows(self, scope: str) -> bool:
        """Whether the key's scope includes `scope`."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def create_key(session: Session, workspace_id: int, name: str, scope: str = "read") -> str:
    """The new key's secret, which is not kept and cannot be shown again.

    Raises:
        UsageError: The scope is unknown, or no key can have that name.
        ConflictError: A key of that name exists (revoked ones keep their name, for the records).
    """
    if scope not in SCOPES:
        raise UsageError(f"unknown scope {scope!r}", remedy=f"use {', '.join(SCOPES)}")
    check_name(name, "the key")
    taken = select(ApiKey.id).where(ApiKey.workspace_id == workspace_id, ApiKey.name == name)
    if session.scalar(taken) is not None:
        raise ConflictError(f"a key named {name!r} exists already", remedy="choose another name")
    secret = _PREFIX + secrets.token_urlsafe(32)
    session.add(ApiKey(workspace_id=workspace_id, name=name, key_hash=_hash(secret), scope=scope))
    session.flush()
    return secret


def list_keys(session: Session, workspace_id: int) -> list[ApiKey]:
    """All keys of a workspace, revoked ones too, oldest first."""
    statement = select(ApiKey).where(ApiKey.workspace_id == workspace_id).order_by(ApiKey.id)
    return list(session.scalars(statement))


def revoke_key(session: Session, workspace_id: int, name: str) -> ApiKey:
    """The key, which opens nothing from now on; revoking twice keeps the first time.

    Raises:
        NotFoundError: There is no key of that name.
    """
    statement = select(ApiKey).where(ApiKey.workspace_id == workspace_id, ApiKey.name == name)
    key = session.scalar(statement)
    if key is None:
        raise NotFoundError(f"there is no key named {name!r}", remedy="see `chiasm keys list`")
    if key.revoked_at is None:
        key.revoked_at = time.time()
    return key


def find_key(session: Session, secret: str) -> KeyGrant | None:
    """What a secret allows; None if it is unknown or revoked."""
    statement = select(ApiKey).where(ApiKey.key_hash == _hash(secret), ApiKey.revoked_at.is_(None))
    key = session.scalar(statement)
    return KeyGrant(key.workspace_id, key.name, key.scope) if key is not None else None


def _hash(secret: str) -> str:
    # 256 random bits need no salt and no slow hash; the look-up goes by the hash, so its time tells nothing.
    return hashlib.sha256(secret.encode()).hexdigest()
