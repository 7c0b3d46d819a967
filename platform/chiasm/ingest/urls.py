"""Fetching http(s) media where the settings allow it: public addresses only, on every hop."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from chiasm.errors import InputError, MediaError

if TYPE_CHECKING:
    import httpx

__all__ = ["fetch", "is_url", "public_address"]

_MAX_REDIRECTS = 5
_TIMEOUT_S = 30.0
_REDIRECTS = {301, 302, 303, 307, 308}
#: Prefixes that carry an IPv4 address: NAT64, and 6to4.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_url(path: str) -> bool:
    """Whether a path as written names a scheme (`https://...`, also `file://...`)."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isascii() and scheme.replace("+", "").replace("-", "").isalnum()


def fetch(url: str, max_bytes: int) -> bytes:
    """The content behind a URL.

    Each hop's host is resolved once, all of its addresses must be public, and the connection goes to the
    address that was checked: a name that resolves anew (rebinding) gains nothing.

    Raises:
        InputError: The URL or a redirect leads to a private address or to another scheme.
        MediaError: It cannot be fetched, or is too large.
    """
    # Imported here: hardly any ingest fetches anything.
    import httpx

    until = time.monotonic() + _TIMEOUT_S
    with httpx.Client(follow_redirects=False, trust_env=False, timeout=_TIMEOUT_S) as client:
        for _ in range(_MAX_REDIRECTS + 1):
            answer = _get(client, url, max_bytes, until)
            if isinstance(answer, bytes):
                return answer
            url = answer
    raise MediaError(
        f"more than {_MAX_REDIRECTS} redirects", where=url, remedy="download it beside the manifest"
    )


def public_address(host: str, port: int) -> str:
    """An address of a host, all of whose addresses are public.

    Raises:
        InputError: It has a private, local or reserved one.
        MediaError: It cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MediaError(f"{host[:200]!r} cannot be resolved: {error}", remedy="check the URL") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not _is_public(address):
            raise InputError(
                f"{host[:200]!r} is the address {address}, which is not public",
                remedy="download the file beside the manifest",
            )
    return addresses[0]


def _is_public(address: str) -> bool:
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour
        if number in _NAT64:
            inner = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
        if inner is not None:
            number = inner
    return number.is_global and not number.is_multicast


def _get(client: httpx.Client, url: str, max_bytes: int, until: float) -> bytes | str:
    """The body, or where a redirect leads."""
    import httpx

    try:
        asked = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"not a URL: {error}", where=url[:200], remedy="check the URL") from error
    if asked.scheme not in {"http", "https"} or not asked.host:
        raise InputError(
            f"{asked.scheme!r} URLs are not fetched", where=url[:200], remedy="use http or https"
        )
    port = asked.port or (443 if asked.scheme == "https" else 80)
    address = public_address(asked.host, port)
    pinned = asked.copy_with(host=address)
    request = client.build_request(
        "GET", pinned, headers={"Host": asked.netloc.decode("ascii")}, extensions={"sni_hostname": asked.host}
    )
    try:
        answer = client.send(request, stream=True)
        try:
            return _read(answer, url, max_bytes, until)
        finally:
            answer.close()
    except httpx.HTTPError as error:
        raise MediaError(
            f"cannot be fetched: {error}", where=url[:200], remedy="check the URL, try again"
        ) from error


def _read(answer: httpx.Response, url: str, max_bytes: int, until: float) -> bytes | str:
    if answer.status_code in _REDIRECTS and "location" in answer.headers:
        return urljoin(url, answer.headers["location"])
    if answer.status_code != 200:
        raise MediaError(f"the server answers {answer.status_code}", where=url[:200], remedy="check the URL")
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > max_bytes:
            raise MediaError(f"more than {max_bytes} bytes", where=url[:200], remedy="shrink the file")
        if time.monotonic() > until:
            raise MediaError(f"takes longer than {_TIMEOUT_S:g} s", where=url[:200], remedy="try again")
    return bytes(body)
