"""A backup unpacked beside its target and checked whole, before anything of it is used."""

from __future__ import annotations

import hashlib
import json
import shutil
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from chiasm.archive import layout
from chiasm.archive.tape import Member, read_tape, tape_source
from chiasm.archive.watch import Step, Watch
from chiasm.errors import DamagedError, InputError, NotFoundError

__all__ = ["Staged", "unpack"]

_REMEDY = "use another backup; nothing of this one was taken over"
#: Read into memory as a whole.
_MAX_JSON_BYTES = 16 * 2**20
_SEEN = ".seen.jsonl"


class Staged(NamedTuple):
    """A checked backup on disk."""

    folder: Path
    manifest: dict[str, Any]


def unpack(file: Path, folder: Path, watch: Watch) -> Staged:
    """The backup's files under `folder`, each of which has the size and checksum that the backup states.

    Args:
        file: A backup.
        folder: Empty; filled here, and the caller's to remove.
        watch: Told how far it is.

    Raises:
        NotFoundError: There is no such file.
        DamagedError: It is cut short, or a file in it is not what was put in.
        InputError: It holds what no backup holds: links, paths that lead elsewhere, more than there is room for.
    """
    if not file.is_file():
        raise NotFoundError(
            "there is no such backup", where=str(file), remedy="name a file of `chiasm backup`"
        )
    where, done = file.name, 0
    ends: dict[str, str] = {}
    with tape_source(file) as stream, (folder / _SEEN).open("xb") as seen:
        for member in read_tape(stream, where):
            if not ends and done == 0 and member.name != layout.HEADER:
                raise InputError("this is no backup", where=where, remedy="name a file of `chiasm backup`")
            sha256 = _place(member, folder, where)
            if member.name in {layout.MEMBERS, layout.MANIFEST, layout.SEAL}:
                ends[member.name] = sha256
            else:
                seen.write(json.dumps([member.name, member.size, sha256]).encode() + b"\n")
            if member.name == layout.HEADER:
                _check_format(_read_json(folder / layout.HEADER, where), where)
            done += member.size
            watch(Step("checking", done))
    return Staged(folder, _checked(folder, ends, where))


def _place(member: Member, folder: Path, where: str) -> str:
    path = folder / layout.checked_member(member.name, where)
    place = f"{where}: {member.name}"
    if member.size > shutil.disk_usage(folder).free:
        raise InputError(
            f"it would take {member.size} bytes, more than there is room for",
            where=place,
            remedy="make room, or restore elsewhere",
        )
    digest = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for chunk in member.chunks:
                digest.update(chunk)
                target.write(chunk)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError("the name occurs twice", where=place, remedy=_REMEDY) from error
    return digest.hexdigest()


def _checked(folder: Path, ends: dict[str, str], where: str) -> dict[str, Any]:
    """The manifest, after everything agrees with it."""
    for name in (layout.MEMBERS, layout.MANIFEST, layout.SEAL):
        if name not in ends:
            raise DamagedError(f"{name} is missing: the backup ends too early", where=where, remedy=_REMEDY)
    seal = (folder / layout.SEAL).read_bytes()
    if seal != f"{ends[layout.MANIFEST]}  {layout.MANIFEST}\n".encode():
        raise _differs(where, layout.MANIFEST)
    manifest = _read_json(folder / layout.MANIFEST, where)
    if (manifest.get("members") or {}).get("sha256") != ends[layout.MEMBERS]:
        raise _differs(where, layout.MEMBERS)
    _check_manifest(manifest, where)
    with (folder / layout.MEMBERS).open("rb") as stated, (folder / _SEEN).open("rb") as seen:
        for wanted, found in zip_longest(stated, seen):
            if wanted != found:
                # Our own line names the file; one that is missing is named by the stranger's.
                line = found or wanted or b""
                raise _differs(where, _name_in(line))
    return manifest


def _name_in(line: bytes) -> str:
    return line.decode(errors="replace").removeprefix("[").partition(",")[0].strip('"')[:200]


def _differs(where: str, name: str) -> DamagedError:
    return DamagedError("file differs from its checksum", where=f"{where}: {name}", remedy=_REMEDY)


def _read_json(path: Path, where: str) -> dict[str, Any]:
    place = f"{where}: {path.name}"
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise InputError("it is far too large", where=place, remedy=_REMEDY)
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedError("it is not JSON", where=place, remedy=_REMEDY) from error
    if not isinstance(value, dict):
        raise DamagedError("it is not a JSON object", where=place, remedy=_REMEDY)
    return value


def _check_manifest(manifest: dict[str, Any], where: str) -> None:
    _check_format(manifest, where)
    counted = [manifest.get(name) for name in ("tables", "files", "counters")]
    whole = all(
        isinstance(counts, dict)
        and all(type(count) is int and 0 <= count < 2**63 for count in counts.values())
        for counts in counted
    )
    times = isinstance(manifest.get("created_at"), int | float)
    if not (whole and times and isinstance(manifest.get("schema"), str)):
        raise InputError("its manifest lacks something", where=f"{where}: {layout.MANIFEST}", remedy=_REMEDY)


def _check_format(header: dict[str, Any], where: str) -> None:
    if header.get("format") != layout.FORMAT:
        raise InputError(
            f"format {str(header.get('format'))[:40]} of backups is not known",
            where=where,
            remedy="restore it with the Chiasm that wrote it, or a newer one",
        )
