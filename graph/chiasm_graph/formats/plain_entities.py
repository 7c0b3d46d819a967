"""XML whose entities stay as short as they look: of two kilobytes nothing may grow to gigabytes."""

from __future__ import annotations

import re
from typing import BinaryIO

__all__ = ["PlainEntities"]

_DECLARED = b"<!ENTITY"
_WORTH = re.compile(rb"""<!ENTITY\s+[^\s"'%]+\s+(?:"([^"&%]*)"|'([^'&%]*)')\s*>""")
#: Namespaces are written as entities, and are not longer.
_MAX_BYTES = 1024
_CHUNK = 1 << 16


class PlainEntities:
    """A stream of XML that ends in an error where an entity is declared that is more than a short text.

    Args:
        file: The XML.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        #: Read, and not looked at as a whole yet.
        self._held = b""

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes.

        Raises:
            ValueError: An entity is made of other entities, lies elsewhere, or is long.
        """
        size = _CHUNK if size < 0 else size
        # So much more than is given out that no declaration is split.
        while len(self._held) < size + 2 * _MAX_BYTES and (more := self._file.read(_CHUNK)):
            self._held += more
        at = self._held.find(_DECLARED)
        while 0 <= at < size:
            found = _WORTH.match(self._held, at, at + 2 * _MAX_BYTES)
            if found is None or len(found[0]) > _MAX_BYTES:
                raise ValueError("an XML entity that is more than a short text of its own")
            at = self._held.find(_DECLARED, found.end())
        given, self._held = self._held[:size], self._held[size:]
        return given
