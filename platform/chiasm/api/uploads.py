"""What clients send as files: query media in memory, data to ingest in a folder of its own."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from chiasm.api.questions import SearchBody
from chiasm.errors import InputError, UsageError
from chiasm.settings import Settings

__all__ = ["drop_folder", "form_search", "new_folder", "open_form", "save_file", "save_stream"]

_MAX_FILES = 100_000
_MAX_FIELDS = 1000
_MAX_FIELD_BYTES = 32 * 2**20
_COPY_BYTES = 2**20
_MEDIA_NAMES = ("image", "audio", "not_image", "not_audio")


@asynccontextmanager
async def open_form(request: Request) -> AsyncIterator[FormData]:
    """The multipart form of a request; its temporary files end with the block.

    Raises:
        UsageError: The form is malformed.
    """
    try:
        form = await request.form(
            max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES
        )
    except HTTPException as error:
        raise UsageError(
            f"the form cannot be read: {error.detail}",
            where="body",
            remedy="send multipart/form-data with a boundary, each part with a name",
        ) from error
    try:
        yield form
    finally:
        await form.close()


async def form_search(request: Request) -> tuple[SearchBody, dict[str, list[bytes]]]:
    """The query of a multipart form, and its media by part name.

    Raises:
        UsageError: A part has a name that means nothing.
    """
    media: dict[str, list[bytes]] = {}
    query = "{}"
    async with open_form(request) as form:
        for name, item in form.multi_items():
            if name == "query" and isinstance(item, str):
                query = item
            elif name == "query" and isinstance(item, UploadFile):
                query = (await item.read()).decode("utf-8", errors="replace")
            elif name in _MEDIA_NAMES and isinstance(item, UploadFile):
                media.setdefault(name, []).append(await item.read())
            else:
                raise UsageError(
                    f"unknown part {name[:80]!r}",
                    where="form",
                    remedy=f"use query, {', '.join(_MEDIA_NAMES)}",
                )
    return SearchBody.from_json(query), media


def new_folder(settings: Settings) -> Path:
    """A fresh folder for one upload, under `uploads/` of the home."""
    folder = (settings.home / "uploads" / uuid.uuid4().hex).resolve()
    folder.mkdir(parents=True)
    return folder


async def save_file(folder: Path, name: str, upload: UploadFile) -> Path:
    """The uploaded file, written under its relative name inside the folder.

    Raises:
        InputError: The name leads out of the folder, or is taken.
    """
    target = folder / _safe_name(name)
    try:
        if target.exists():
            raise InputError("two files of one name", where=name[:200], remedy="send each file once")
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = target.open("wb")
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            "a file and a folder of one name", where=name[:200], remedy="name files as the manifest does"
        ) from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise InputError(
            "this name is too long for a file", where=name[:200], remedy="shorten it, also in the manifest"
        ) from error
    with stream:
        while chunk := await upload.read(_COPY_BYTES):
            stream.write(chunk)
    return target


async def save_stream(folder: Path, name: str, request: Request) -> Path:
    """The body of a request as a file in the folder."""
    target = folder / name
    with target.open("wb") as stream:
        async for chunk in request.stream():
            stream.write(chunk)
    return target


def drop_folder(folder: Path) -> None:
    """Forget an upload that no job will read."""
    shutil.rmtree(folder, ignore_errors=True)


def _safe_name(name: str) -> str:
    path = PurePosixPath(name)
    plain = name and not path.is_absolute() and ".." not in path.parts and "\\" not in name
    if not plain or any(ord(letter) < 32 for letter in name):
        raise InputError(
            "this is no relative file name", where=name[:200], remedy="name files as the manifest does"
        )
    return str(path)
