"""A message by webhook: signed, to a public address unless the settings allow others, redirects not followed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from chiasm.errors import ChiasmError, InputError, SettingsError, UnavailableError
from chiasm.ingest.urls import public_address
from chiasm.releases.notify.message import Message
from chiasm.settings import Settings

__all__ = ["send_webhook", "signature_of"]

_TIMEOUT_S = 10.0
_MIN_SECRET = 16


def signature_of(secret: str, timestamp: int, body: bytes) -> str:
    """`v1=` and the HMAC-SHA-256, in hexadecimal, of the time stamp, a full stop and the body.

    Who gets it should compare it with `hmac.compare_digest`, and refuse a time stamp that is minutes old.
    """
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def send_webhook(settings: Settings, message: Message) -> None:
    """Post the message.

    Raises:
        SettingsError: There is no secret to sign with, or the URL is none.
        InputError: The URL leads to an address that is not public.
        UnavailableError: Nobody took it.
    """
    import httpx

    if len(settings.webhook_secret) < _MIN_SECRET:
        raise SettingsError(
            "messages are signed, and there is no secret",
            where="CHIASM_WEBHOOK_SECRET",
            remedy=f"give at least {_MIN_SECRET} random characters, and the same to who gets them",
        )
    body = json.dumps(message.to_dict(), sort_keys=True).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Chiasm-Delivery": message.id,
        "Chiasm-Timestamp": str(timestamp),
        "Chiasm-Signature": signature_of(settings.webhook_secret, timestamp, body),
    }
    try:
        asked = httpx.URL(settings.webhook_url)
    except httpx.InvalidURL as error:
        raise SettingsError("not a URL", where="CHIASM_WEBHOOK_URL", remedy="use http or https") from error
    if asked.scheme not in {"http", "https"} or not asked.host:
        raise SettingsError(
            f"{asked.scheme!r} is not called", where="CHIASM_WEBHOOK_URL", remedy="use http or https"
        )
    extensions = {}
    if not settings.webhook_private:
        # The connection goes to the address that was checked: a name that resolves anew gains nothing.
        address = _public(asked.host, asked.port or (443 if asked.scheme == "https" else 80))
        headers["Host"] = asked.netloc.decode("ascii")
        extensions = {"sni_hostname": asked.host}
        asked = asked.copy_with(host=address)
    try:
        with httpx.Client(follow_redirects=False, trust_env=False, timeout=_TIMEOUT_S) as client:
            request = client.build_request(
                "POST", asked, content=body, headers=headers, extensions=extensions
            )
            answer = client.send(request, stream=True)
            # What it says is of no interest, and may be endless.
            answer.close()
    except httpx.HTTPError as error:
        raise UnavailableError(f"nobody takes it: {error}"[:300], where="CHIASM_WEBHOOK_URL") from error
    if not answer.is_success:
        raise UnavailableError(f"the server answers {answer.status_code}", where="CHIASM_WEBHOOK_URL")


def _public(host: str, port: int) -> str:
    try:
        return public_address(host, port)
    except InputError as error:
        raise InputError(
            error.what, where="CHIASM_WEBHOOK_URL", remedy="set CHIASM_WEBHOOK_PRIVATE=1 if that is meant"
        ) from error
    except ChiasmError as error:
        raise UnavailableError(error.what, where="CHIASM_WEBHOOK_URL") from error
