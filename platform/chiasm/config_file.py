"""Changing one setting in a home's `chiasm.toml`, with all else in it left as it is."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

from chiasm.errors import SettingsError
from chiasm.settings import CONFIG_NAME

__all__ = ["store_setting"]


def store_setting(home: Path, name: str, value: str) -> None:
    """Write a setting, durably, in the place of the one that is there or as a new line.

    Raises:
        SettingsError: The file is no TOML, or holds the setting in a form that cannot be replaced.
    """
    path = home / CONFIG_NAME
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # A JSON string is a TOML string.
    line = f"{name} = {json.dumps(value)}"
    changed, count = re.subn(rf"(?m)^{name}[ \t]*=.*$", lambda _: line, text)
    if not count:
        changed = f"{line}\n{text}"
    if _read(text, path) | {name: value} != _read(changed, path):
        raise SettingsError(
            f"setting {name!r} cannot be replaced there", where=str(path), remedy=f"write `{line}` by hand"
        )
    aside = path.with_suffix(".tmp")
    with aside.open("w", encoding="utf-8") as file:
        file.write(changed)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def _read(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"cannot be read: {error}", where=str(path), remedy="write it as TOML") from error
