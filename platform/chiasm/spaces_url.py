"""Where large segments are searched, as a URL that is parsed strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

__all__ = ["SpacesUrl"]

_FORMS = "use faiss:, milvus+http://host:19530, milvus+https://host, or milvus+file:///folder/name.db"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_MAX_LENGTH = 1000


@dataclass(frozen=True)
class SpacesUrl:
    """A back end of the spaces; what the segments are stored in does not depend on it."""

    kind: Literal["faiss", "milvus"]
    #: Of a Milvus server, with scheme, host and port.
    server: str = ""
    #: Database of the server; empty means its default.
    database: str = ""
    #: Of milvus-lite, which one process at a time may open.
    file: Path | None = None

    @classmethod
    def parse(cls, text: str) -> SpacesUrl:
        """What a URL says.

        Raises:
            ValueError: It has none of the known forms, or names a user: that is for the token.
        """
        if text == "faiss:":
            return cls("faiss")
        if len(text) > _MAX_LENGTH or re.search(r"[\s\x00-\x1f\x7f]", text):
            raise ValueError(f"not a URL of spaces; {_FORMS}")
        parts = urlsplit(text)
        if parts.query or parts.fragment or "?" in text or "#" in text:
            raise ValueError(f"a URL of spaces takes no ? and no #; {_FORMS}")
        if parts.scheme in ("milvus+http", "milvus+https"):
            return cls._of_server(parts)
        if parts.scheme == "milvus+file":
            return cls._of_file(parts)
        raise ValueError(f"unknown back end of spaces {parts.scheme or text[:40]!r}; {_FORMS}")

    @classmethod
    def _of_server(cls, parts: SplitResult) -> SpacesUrl:
        if "@" in parts.netloc:
            raise ValueError("the URL names a user: give `user:password` as CHIASM_SPACES_TOKEN instead")
        host, port = parts.hostname or "", parts.port
        database = parts.path.removeprefix("/")
        if not _HOST.fullmatch(host) or port == 0:
            raise ValueError(f"no host of a Milvus server; {_FORMS}")
        if database and not _DATABASE.fullmatch(database):
            raise ValueError(f"{database[:40]!r} is no name of a Milvus database")
        scheme = parts.scheme.removeprefix("milvus+")
        name = f"[{host}]" if ":" in host else host
        return cls("milvus", f"{scheme}://{name}:{port or (443 if scheme == 'https' else 19530)}", database)

    @classmethod
    def _of_file(cls, parts: SplitResult) -> SpacesUrl:
        path = Path(parts.path)
        if parts.netloc or not path.is_absolute() or path.suffix != ".db" or ".." in path.parts:
            raise ValueError(f"no absolute path that ends in .db; {_FORMS}")
        return cls("milvus", file=path)

    @property
    def text(self) -> str:
        """The URL again, in one form."""
        if self.kind == "faiss":
            return "faiss:"
        if self.file is not None:
            return f"milvus+file://{self.file}"
        return f"milvus+{self.server}" + (f"/{self.database}" if self.database else "")
