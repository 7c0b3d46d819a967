"""What a bundle holds, by name.

```
bundle.json     format, code version, release, what it needs, and bytes and SHA-256 of each file below
signature.json  over the bytes of bundle.json: nothing behind it is read before it is found right
card.md         what the release is, for people
files/...       release.json and what that names: safetensors and JSON
```

A tar file of plain files, not packed: nothing in it can grow.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from chiasm.archive.layout import safe_relative
from chiasm.errors import InputError

__all__ = ["CARD", "FILES", "FORMAT", "HEADER", "KIND", "MAX_HEADER_BYTES", "SIGNATURE", "checked_file"]

FORMAT, KIND = 1, "chiasm-release"
HEADER, SIGNATURE, CARD, FILES = "bundle.json", "signature.json", "card.md", "files/"
#: Read into memory as a whole.
MAX_HEADER_BYTES = 8 * 2**20
#: Tensors, text, and nets without code, which are opened from their bytes and so reach no other file.
_PLAIN = frozenset({".json", ".jsonl", ".onnx", ".safetensors", ".txt"})


def checked_file(name: str, where: str) -> PurePosixPath:
    """The path of a release's file below its folder.

    Raises:
        InputError: It leads elsewhere, or is of a sort that no release has.
    """
    path = PurePosixPath(name)
    if not safe_relative(name) or path.suffix not in _PLAIN or any(p.startswith(".") for p in path.parts):
        raise InputError(
            f"{name[:200]!r} has no place in a release",
            where=where,
            remedy="import only what `chiasm releases export` wrote",
        )
    return path
