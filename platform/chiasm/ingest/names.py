"""A readable name out of a key, where there is one."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["name_of_key"]

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WORD = re.compile(r"[^\W_]+")
_HEX_ID = re.compile(r"[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def name_of_key(key: str) -> str | None:
    """What a key says in words: the part after its first colon, or the last part of an IRI.

    None for opaque ids: `kw:dog` is "dog", `wn:02084071`, `wd:Q42` and `audioset:/m/05tny_` are nothing.
    """
    iri = _IRI.match(key) is not None
    part = _last(unquote(key).rstrip("/#")) if iri else key.partition(":")[2] or key
    if _HEX_ID.fullmatch(part):
        return None
    # A word is two letters or more with no digit among them.
    if not any(len(word) > 1 and word.isalpha() for word in _WORD.findall(part)):
        return None
    return " ".join(part.replace("_", " ").split())


def _last(iri: str) -> str:
    return iri[max(iri.rfind("/"), iri.rfind("#")) + 1 :]
