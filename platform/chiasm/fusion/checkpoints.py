"""Tensors on disk: safetensors written aside, synced, renamed, and checked by SHA-256 when read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import save as save_arrays
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save as save_tensors

from chiasm.errors import DamagedError, NotFoundError
from chiasm_encoders.durable import write_whole

__all__ = [
    "mapped_file",
    "read_json",
    "read_tensors",
    "sha256_of",
    "verify",
    "write_json",
    "write_tensors",
]

_REMEDY = "restore it from a backup, roll back to another release or train again"


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mapped_file(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.memmap[Any, Any]:
    """A new ``.npy`` file to fill in place, whose room is taken at once.

    A map of a file that has holes ends the process when the disk is full, and nobody could say why.

    Raises:
        OSError: There is no room; nothing stays.
    """
    try:
        made = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
        with path.open("r+b") as file:
            _reserve(file.fileno(), path.stat().st_size)
    except OSError as error:
        path.unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise
    return made


def _reserve(file: int, size: int) -> None:
    # Not every system has it, nor every file system.
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file in the manner of `write_whole`, keys sorted."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(path, text.encode("utf-8"))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        NotFoundError: There is no such file.
        DamagedError: It is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError("file is missing", where=str(path), remedy=_REMEDY) from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"cannot be read: {error}"[:300], where=str(path), remedy=_REMEDY) from error


def write_tensors(
    path: Path,
    tensors: Mapping[str, torch.Tensor] | Mapping[str, npt.NDArray[np.generic]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors or arrays as safetensors in the manner of `write_whole`."""
    arrays = {name: value for name, value in tensors.items() if isinstance(value, np.ndarray)}
    if arrays:
        write_whole(path, save_arrays(arrays, dict(metadata or {})))
        return
    plain = {n: t.detach().cpu().contiguous() for n, t in tensors.items() if isinstance(t, torch.Tensor)}
    write_whole(path, save_tensors(plain, dict(metadata or {})))


def read_tensors(path: Path, sha256: str | None = None) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Args:
        path: The file.
        sha256: What it must hash to.

    Raises:
        NotFoundError: There is no such file.
        DamagedError: It differs from its checksum or is no safetensors file.
    """
    if not path.is_file():
        raise NotFoundError("file is missing", where=str(path), remedy=_REMEDY)
    if sha256 is not None:
        verify(path, sha256)
    try:
        return load_tensors(path)
    except SafetensorError as error:
        raise DamagedError(f"cannot be read: {error}"[:300], where=str(path), remedy=_REMEDY) from error


def verify(path: Path, sha256: str) -> None:
    """Check a file.

    Raises:
        DamagedError: It is missing or differs from its checksum.
    """
    if not path.is_file() or sha256_of(path) != sha256:
        raise DamagedError(
            "file is missing or differs from its checksum",
            where=str(path),
            remedy=_REMEDY,
        )
