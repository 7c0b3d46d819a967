"""Reading a bundle: judged whole beside the models, then one row, one job and one renamed folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chiasm import jobs
from chiasm.archive.tape import Member, read_tape
from chiasm.catalog import Catalog
from chiasm.catalog.models import Predicate, Release, Workspace
from chiasm.errors import DamagedError, InputError, NotFoundError, StampError
from chiasm.fusion.manifest import RELEASE_FILE, verify_files
from chiasm.models import ModelCache, default_encoders
from chiasm.releases.bundles.layout import (
    CARD,
    FILES,
    FORMAT,
    HEADER,
    KIND,
    MAX_HEADER_BYTES,
    SIGNATURE,
    checked_file,
)
from chiasm.releases.bundles.signing import check_signature
from chiasm.settings import Settings

__all__ = ["import_release"]

_REMEDY = "use another bundle; nothing of this one was taken over"
_STUDENT = "student:"


def import_release(
    settings: Settings, catalog: Catalog, workspace_id: int, file: Path, *, at_once: bool = False
) -> int:
    """The id of a job that builds the spaces of a bundle's release of this home's catalogue; then it is a candidate.

    Args:
        settings: The home.
        catalog: Its catalog.
        workspace_id: Tenant.
        file: What `chiasm releases export` wrote.
        at_once: It is a candidate as soon as what it lacks stands in, mapped from the active release; its own vectors
            are made once it answers.

    Raises:
        NotFoundError: There is no such file.
        InputError: It is no bundle, of another format, not signed with this home's key, holds what no release has, or
            was trained on predicates that this catalogue does not know.
        DamagedError: It is cut short, or a file in it is not what was put in.
        StampError: An encoder here is another than the one it was trained with.
        SettingsError: There is no key to check it with.
    """
    if not file.is_file():
        raise NotFoundError(
            "there is no such bundle", where=str(file), remedy="name a file of `chiasm releases export`"
        )
    with _aside(settings, workspace_id) as folder:
        header = _unpack(settings, file, folder)
        manifest = verify_files(folder, "")
        if sorted([RELEASE_FILE, *manifest["files"]]) != sorted(header["files"]):
            raise InputError("its files are not those of its release", where=file.name, remedy=_REMEDY)
        _check_needs(settings, catalog, workspace_id, header["needs"], file.name)
        # One flush of all, before a row names them.
        os.sync()
        with catalog.write() as session:
            job_id = _take_over(session, settings, workspace_id, header, folder, at_once)
    jobs.wake(settings, "train")
    return job_id


def _unpack(settings: Settings, file: Path, folder: Path) -> dict[str, Any]:
    """The header, after it was found signed and every file was placed as it says."""
    where = file.name
    with file.open("rb") as stream:
        members = read_tape(stream, where)
        head = _small(members, HEADER, where)
        check_signature(settings, head, _small(members, SIGNATURE, where), where)
        header = _checked(head, where)
        left = dict(header["files"])
        _agree(CARD, _small(members, CARD, where), header["card"], where)
        for member in members:
            name = member.name.removeprefix(FILES)
            if not member.name.startswith(FILES) or name not in left:
                raise InputError(
                    f"{member.name[:200]!r} is not in its list of files", where=where, remedy=_REMEDY
                )
            _place(member, folder / checked_file(name, where), left.pop(name), where)
        if left:
            raise DamagedError(f"{min(left)} is missing", where=where, remedy=_REMEDY)
        _check_end(stream, where)
    return header


def _small(members: Iterator[Member], name: str, where: str) -> bytes:
    """The next member as a whole, which must be this one."""
    member = next(members, None)
    if member is None or member.name != name:
        raise InputError(
            f"this is no bundle: {name} is missing",
            where=where,
            remedy="name a file of `chiasm releases export`",
        )
    if member.size > MAX_HEADER_BYTES:
        raise InputError(f"its {name} is far too large", where=where, remedy=_REMEDY)
    return b"".join(member.chunks)


def _checked(head: bytes, where: str) -> dict[str, Any]:
    try:
        header = json.loads(head)
        known = (header["kind"], header["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("its header cannot be read", where=where, remedy=_REMEDY) from error
    if known != (KIND, FORMAT):
        raise InputError(
            f"format {str(known[1])[:40]} of {str(known[0])[:40]} is not known",
            where=where,
            remedy="import it with the Chiasm that wrote it, or a newer one",
        )
    return dict(header)


def _place(member: Member, path: Path, facts: Mapping[str, Any], where: str) -> None:
    if member.size > shutil.disk_usage(path.anchor).free:
        raise InputError(
            f"it would take {member.size} bytes, more than there is room for",
            where=f"{where}: {member.name}",
            remedy="make room",
        )
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        for chunk in member.chunks:
            digest.update(chunk)
            target.write(chunk)
    if (member.size, digest.hexdigest()) != (facts["bytes"], facts["sha256"]):
        raise DamagedError("file differs from its checksum", where=f"{where}: {member.name}", remedy=_REMEDY)


def _agree(name: str, data: bytes, facts: Mapping[str, Any], where: str) -> None:
    if (len(data), hashlib.sha256(data).hexdigest()) != (facts["bytes"], facts["sha256"]):
        raise DamagedError("file differs from its checksum", where=f"{where}: {name}", remedy=_REMEDY)


def _check_end(stream: BinaryIO, where: str) -> None:
    if stream.read(1):
        raise DamagedError("there is something behind the end", where=where, remedy=_REMEDY)


def _check_needs(
    settings: Settings, catalog: Catalog, workspace_id: int, needs: Mapping[str, Any], where: str
) -> None:
    with catalog.read() as session:
        known = set(session.scalars(select(Predicate.name).where(Predicate.workspace_id == workspace_id)))
    unknown = sorted(set(needs["predicates"]) - known)
    if unknown:
        named = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise InputError(
            f"it was trained on predicates that nothing here has: {named}",
            where=where,
            remedy="ingest a catalogue of the same schema first",
        )
    models = ModelCache(settings)
    for modality, encoder in needs["encoders"].items():
        spec = encoder["spec"] or default_encoders(settings).get(modality)
        if spec is None:
            raise StampError(
                f"it needs an encoder of {modality}, and there is none here",
                where=where,
                remedy=f"set CHIASM_{modality.upper()}_ENCODER to the one it was trained with",
            )
        if spec.startswith(_STUDENT):
            # One of its own files, which the build loads and checks.
            checked_file(f"{spec.removeprefix(_STUDENT)}/x.json", where)
        else:
            models.encoder(spec, encoder["fingerprint"])


def _take_over(
    session: Session,
    settings: Settings,
    workspace_id: int,
    header: Mapping[str, Any],
    folder: Path,
    at_once: bool,
) -> int:
    told = header["release"]
    newest = session.scalar(select(func.max(Release.number)).where(Release.workspace_id == workspace_id)) or 0
    revision = session.scalar(select(Workspace.revision).where(Workspace.id == workspace_id))
    release = Release(
        workspace_id=workspace_id,
        number=newest + 1,
        recipe=dict(told["recipe"]),
        seed=told["seed"],
        revision=revision,
        folder=f"releases/{workspace_id}/r{newest + 1}",
        metrics={**told["metrics"], "release": f"r{newest + 1}"},
        gate={},
    )
    session.add(release)
    session.flush()
    params = {"release": release.name, "from": told["name"], "chiasm": header["chiasm"]}
    job = jobs.create_job(session, workspace_id, "import", params)
    job.result = {"release": release.name, "state": "building"}
    payload = {"release_id": release.id, "promote": False, **({"at_once": True} if at_once else {})}
    jobs.add_units(session, job, "build", [payload], queue="train")
    target = settings.models_dir / release.folder
    if target.exists():
        # Of an import that ended between here and the commit: no row names it.
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(target)
    return job.id


@contextmanager
def _aside(settings: Settings, workspace_id: int) -> Iterator[Path]:
    """A folder beside the releases, gone afterwards unless it was renamed; `chiasm doctor` finds one that stayed."""
    folder = settings.models_dir / "releases" / str(workspace_id) / f".import-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
