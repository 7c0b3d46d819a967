"""What is checked and changed in a row on its way from a backup into a home."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from chiasm.archive.layout import blob_member, safe_relative
from chiasm.errors import DamagedError, InputError

__all__ = ["RowCheck"]

_REMEDY = "use another backup; nothing of this one was taken over"


class RowCheck:
    """Judges rows by the files that came with them.

    Args:
        staged: Folder of the unpacked backup.
        where: Its name, for errors.
        uploads: Folder of uploads where the backup was made, and the one here.
    """

    def __init__(self, staged: Path, where: str, uploads: tuple[str, Path]) -> None:
        self._staged = staged
        self._where = where
        self._uploads = uploads

    def __call__(self, table: str, row: dict[str, Any]) -> None:
        """Change the row in place, or refuse it.

        Raises:
            DamagedError: A file that it names is missing or another.
            InputError: It names a path that leads out of the home.
        """
        judge = {
            "asset": self._asset,
            "release": self._release,
            "segment": self._segment,
            "work_unit": self._unit,
        }.get(table)
        if judge is not None:
            judge(row)

    def _asset(self, row: dict[str, Any]) -> None:
        if row["value"] is not None:
            if hashlib.sha256(row["value"].encode()).hexdigest() != row["sha256"]:
                raise self._damaged("a text differs from its checksum", f"asset {row['id']}")
        elif row["state"] != "failed" and not (self._staged / blob_member(str(row["sha256"]))).is_file():
            raise self._damaged("a picture or sound is missing", f"asset {row['id']}")

    def _release(self, row: dict[str, Any]) -> None:
        if row["folder"]:
            self._inside(row["folder"])

    def _segment(self, row: dict[str, Any]) -> None:
        self._inside(row["path"])
        manifest = self._staged / "spaces" / row["path"] / "manifest.json"
        if not manifest.is_file():
            raise self._damaged("a segment is missing", row["path"])
        if hashlib.sha256(manifest.read_bytes()).hexdigest() != row["sha256"]:
            raise self._damaged("a segment differs from its checksum", row["path"])

    def _unit(self, row: dict[str, Any]) -> None:
        """Whoever had claimed it is not here: it is anybody's, and what its worker still does is refused."""
        if row["state"] == "leased":
            row |= {"state": "ready", "owner": None, "lease_until": None, "token": row["token"] + 1}
        old, new = self._uploads
        for name in ("path", "root"):
            value = row["payload"].get(name)
            if isinstance(value, str) and Path(value).is_relative_to(old):
                row["payload"][name] = str(new / Path(value).relative_to(old))

    def _inside(self, path: str) -> None:
        if not safe_relative(path):
            raise InputError(f"the path {path[:200]!r} leads elsewhere", where=self._where, remedy=_REMEDY)

    def _damaged(self, what: str, place: str) -> DamagedError:
        return DamagedError(what, where=f"{self._where}: {place}", remedy=_REMEDY)
