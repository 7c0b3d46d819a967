"""Finding weights by path or hub name, as safetensors and nothing else.

A pickle can run code when it is read, so it is never read here, not even with `weights_only`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chiasm_encoders.errors import UnsafeWeightsError, WeightsError

__all__ = ["model_folder", "read_config", "safe_file"]

_PICKLES = (".bin", ".ckpt", ".msgpack", ".npz", ".pickle", ".pkl", ".pt", ".pth", ".h5")
#: What may be fetched from a hub: never a pickle, never Python.
_FETCHED = ("*.json", "*.jsonl", "*.model", "*.safetensors", "*.txt")


def model_folder(name_or_path: str) -> Path:
    """Folder with configuration and safetensors weights: local, or fetched from the Hugging Face hub.

    Raises:
        UnsafeWeightsError: every weight file in it is a pickle.
        WeightsError: there is no such folder and no such name on the hub (or no network).
    """
    folder = Path(name_or_path)
    if folder.is_dir():
        return _checked(folder, name_or_path)
    if name_or_path.startswith(("/", "./", "../", "~")) or folder.suffix:
        raise WeightsError("no such folder", where=name_or_path, remedy="check the path")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return _checked(Path(snapshot_download(name_or_path, allow_patterns=list(_FETCHED))), name_or_path)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"neither a local folder nor a model that can be fetched: {error}",
            where=name_or_path,
            remedy="give a local folder, or fetch the model once where there is a network",
        ) from error


def safe_file(path: Path) -> Path:
    """The safetensors file at a path, which may be its folder.

    Raises:
        UnsafeWeightsError: it is a pickle.
        WeightsError: there is none.
    """
    if path.is_dir():
        files = sorted(_checked(path, str(path)).glob("*.safetensors"))
        if len(files) != 1:
            raise WeightsError(f"{len(files)} safetensors files where one is expected", where=str(path))
        return files[0]
    if path.suffix in _PICKLES:
        raise _unsafe(str(path))
    if not path.is_file():
        raise WeightsError("no such weights", where=str(path), remedy="check the path")
    return path


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file as a mapping.

    Raises:
        WeightsError: it is missing, or is no JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"no readable configuration: {error}",
            where=str(path),
            remedy="restore the folder or train it again",
        ) from error
    if not isinstance(config, dict):
        raise WeightsError(
            "the configuration is not a JSON object",
            where=str(path),
            remedy="restore the folder or train it again",
        )
    return config


def _checked(folder: Path, where: str) -> Path:
    """The folder, if each place in it that holds weights holds them as safetensors."""
    safe = {file.parent for file in folder.rglob("*.safetensors")}
    pickled = {
        file.parent for file in folder.rglob("*") if file.suffix in (".bin", ".pt", ".pth", ".pkl", ".ckpt")
    }
    if pickled - safe:
        raise _unsafe(where)
    if not safe:
        raise WeightsError("no safetensors weights", where=where, remedy="check the name or path")
    return folder


def _unsafe(where: str) -> UnsafeWeightsError:
    return UnsafeWeightsError(
        "the weights are a pickle, which could run code, and is never read",
        where=where,
        remedy=f"convert them once in a limited process: chiasm models convert {where}",
    )
