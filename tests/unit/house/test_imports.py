"""Direction of imports, and what a light import may pull in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE_ROOTS = ("platform", "graph", "encoders", "workers", "migrations")
HEAVY = ("torch", "faiss", "transformers", "open_clip", "celery", "sentence_transformers")
LIGHT = (
    "chiasm",
    "chiasm.settings",
    "chiasm.errors",
    "chiasm.catalog",
    "chiasm.catalog.keys",
    "chiasm.catalog.filters",
    "chiasm.client",
    "chiasm.client.embedded",
    "chiasm.client.remote",
    "chiasm.api",
    "chiasm.api.app",
    "chiasm.cli",
)


def environment() -> dict[str, str]:
    """The caller's, with this tree's source roots first."""
    paths = [str(ROOT / name) for name in SOURCE_ROOTS]
    inherited = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *inherited])}


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_import_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_imports_go_down_only() -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command as run; run()",
    ]
    done = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_source_root_is_a_package() -> None:
    assert [name for name in SOURCE_ROOTS if (ROOT / name / "__init__.py").exists()] == []


def test_nothing_importable_is_called_platform() -> None:
    found = [
        path
        for root in SOURCE_ROOTS
        for path in (ROOT / root).rglob("*")
        if path.name in ("platform", "platform.py") and (path.is_dir() or path.suffix == ".py")
    ]
    assert found == []
    import platform

    assert Path(platform.__file__).is_relative_to(Path(sys.base_prefix)) or "lib" in platform.__file__


def test_help_needs_nothing_but_its_own_tools() -> None:
    # A time limit would depend on what else the machine does; what is not imported costs nothing anywhere.
    code = (
        "import runpy, sys\n"
        "sys.argv = ['chiasm', '--help']\n"
        "try:\n    runpy.run_module('chiasm', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert "ingest" in done.stdout
    heavy = {*HEAVY, "numpy", "sqlalchemy", "fastapi", "httpx", "pydantic", "networkx", "PIL"}
    assert not heavy & set(done.stderr.split())
