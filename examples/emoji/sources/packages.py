"""Where the system's packages put what the demo reads, and which of them are missing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "PACKAGES", "SystemFiles", "find_system_files", "missing_packages"]

LANGUAGES = ("en", "de", "zh")

#: Debian package -> what a catalogue made without it lacks.
PACKAGES = {
    "unicode-data": "groups, compositions and flags",
    "unicode-cldr-core": "German and Chinese names, and keywords",
    "fonts-noto-color-emoji": "pictures",
    "espeak-ng": "spoken names",
}


@dataclass(frozen=True)
class SystemFiles:
    """Paths found on this machine; None or empty is a package that is not installed."""

    #: `emoji-test.txt`.
    emoji_list: Path | None = None
    #: Language -> annotation files, the hand-written ones first, then the derived ones.
    annotations: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    #: `NotoColorEmoji.ttf`.
    font: Path | None = None
    #: The `espeak-ng` program.
    espeak: Path | None = None

    def digest(self) -> str:
        """SHA-256 over the contents of every data file, so that a catalogue knows when it is out of date."""
        total = hashlib.sha256()
        files = [self.emoji_list, *(path for _, paths in self.annotations for path in paths), self.font]
        for path in files:
            total.update(hashlib.sha256(path.read_bytes()).digest() if path else b"absent")
        # The program's voices lie in many files; its version line names them well enough.
        total.update(_output(str(self.espeak), "--version").encode() if self.espeak else b"absent")
        return total.hexdigest()


def find_system_files() -> SystemFiles:
    """The files of the installed packages, as the package manager lists them."""
    unicode_files = _files_of("unicode-data")
    cldr_files = _files_of("unicode-cldr-core")
    font_files = _files_of("fonts-noto-color-emoji")
    annotations = []
    for language in LANGUAGES:
        endings = (f"annotations/{language}.xml", f"annotationsDerived/{language}.xml")
        paths = tuple(path for ending in endings if (path := _ending(cldr_files, ending)))
        if paths:
            annotations.append((language, paths))
    espeak = shutil.which("espeak-ng")
    return SystemFiles(
        emoji_list=_ending(unicode_files, "emoji/emoji-test.txt"),
        annotations=tuple(annotations),
        font=_ending(font_files, "NotoColorEmoji.ttf"),
        espeak=Path(espeak) if espeak else None,
    )


def missing_packages(files: SystemFiles) -> dict[str, str]:
    """Package -> what is lost without it, for each that is not there."""
    there = {
        "unicode-data": files.emoji_list,
        "unicode-cldr-core": files.annotations,
        "fonts-noto-color-emoji": files.font,
        "espeak-ng": files.espeak,
    }
    return {package: loss for package, loss in PACKAGES.items() if not there[package]}


def _files_of(package: str) -> list[Path]:
    if shutil.which("dpkg-query") is None:
        return []
    return [Path(line) for line in _output("dpkg-query", "--listfiles", package).splitlines()]


def _ending(paths: list[Path], ending: str) -> Path | None:
    return next((path for path in paths if path.as_posix().endswith(ending) and path.is_file()), None)


def _output(*command: str) -> str:
    """What a command prints; nothing if it fails, as for a package that is not installed."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
