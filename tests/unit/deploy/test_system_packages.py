"""The list of Debian packages, and the script that brings them."""

from __future__ import annotations

import subprocess
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


def _listed() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (DEPLOY / "system-packages.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            use, package = line.split()
            found.setdefault(use, set()).add(package)
    return found


def test_demo_and_tests_have_what_they_need() -> None:
    assert _listed() == {
        "demo": {"fonts-noto-color-emoji", "unicode-data", "unicode-cldr-core", "espeak-ng"},
        "test": {"redis-server", "rabbitmq-server", "postgresql"},
    }


def test_unknown_use_is_wrong_usage() -> None:
    asked = subprocess.run(
        ["bash", str(DEPLOY / "system-packages"), "nothing"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert asked.stderr.startswith("usage:")
