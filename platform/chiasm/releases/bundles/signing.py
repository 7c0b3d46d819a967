"""Signatures of bundles: by a key that the homes share (`CHIASM_BUNDLE_KEY`)."""

from __future__ import annotations

import hashlib
import hmac
import json

from chiasm.errors import InputError, SettingsError
from chiasm.settings import Settings

__all__ = ["check_signature", "signature_of"]

_ALGORITHM = "hmac-sha256"
_MIN_LENGTH = 32
#: What is signed is a bundle and nothing else that the key may sign one day.
_PURPOSE = b"chiasm-release-bundle\0"


def signature_of(settings: Settings, header: bytes) -> bytes:
    """The content of `signature.json`.

    Raises:
        SettingsError: There is no key, or a weak one.
    """
    key = _key(settings)
    signed = {"algorithm": _ALGORITHM, "key": _name(key), "signature": _signed(key, header)}
    return json.dumps(signed, sort_keys=True).encode() + b"\n"


def check_signature(settings: Settings, header: bytes, signature: bytes, where: str) -> None:
    """Return if the header was signed with the key of this home.

    Raises:
        SettingsError: There is no key, or a weak one.
        InputError: It is not signed, in another way, with another key, or the header is another.
    """
    key = _key(settings)
    try:
        told = json.loads(signature)
        algorithm, name, value = (str(told[field]) for field in ("algorithm", "key", "signature"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("its signature cannot be read", where=where, remedy=_remedy()) from error
    if algorithm != _ALGORITHM:
        raise InputError(
            f"signatures of kind {algorithm[:40]!r} are not known", where=where, remedy=_remedy()
        )
    if name != _name(key):
        raise InputError("it is signed with another key", where=where, remedy=_remedy())
    if not hmac.compare_digest(value.encode(), _signed(key, header).encode()):
        raise InputError(
            "its signature is not of its content", where=where, remedy="it was changed: export it again"
        )


def _remedy() -> str:
    return "import bundles of homes with the same CHIASM_BUNDLE_KEY only"


def _key(settings: Settings) -> bytes:
    key = settings.bundle_key
    if len(key) < _MIN_LENGTH:
        raise SettingsError(
            "bundles are signed, and there is no key" if not key else f"it has {len(key)} characters",
            where="CHIASM_BUNDLE_KEY",
            remedy=f"give the homes that exchange releases one secret of at least {_MIN_LENGTH} random characters",
        )
    return key.encode()


def _name(key: bytes) -> str:
    return hashlib.sha256(b"name\0" + key).hexdigest()[:16]


def _signed(key: bytes, header: bytes) -> str:
    return hmac.new(key, _PURPOSE + header, hashlib.sha256).hexdigest()
