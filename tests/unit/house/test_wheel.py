"""The wheel: complete, and enough for the command line in an empty environment."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: What the light half of the product needs; nothing of these computes.
LIGHT = (
    "alembic",
    "httpx",
    "numpy",
    "pydantic",
    "pydantic-settings",
    "rich",
    "sqlalchemy",
    "typer",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    done = subprocess.run(
        [*_builder(), "--wheel", "--out-dir", str(folder / "dist"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = (folder / "dist").glob("*.whl")
    return built


def _builder() -> list[str]:
    if shutil.which("uv"):
        return ["uv", "build"]
    if importlib.util.find_spec("build"):
        return [sys.executable, "-m", "build"]
    pytest.skip("neither uv nor build is installed")


@pytest.mark.slow
def test_it_holds_what_runs_without_the_tree(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = {"chiasm", "chiasm_graph", "chiasm_encoders", "chiasm_workers", "chiasm_migrations"}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == packages
    assert {f"{package}/py.typed" for package in packages} <= names
    assert {"chiasm_migrations/env.py", "chiasm_migrations/script.py.mako"} <= names
    assert any(re.fullmatch(r"chiasm_migrations/versions/0001_\w+\.py", name) for name in names)
    assert {f"chiasm/fusion/recipes/{name}.yaml" for name in ("offline", "pretrained")} <= names


@pytest.mark.slow
def test_it_installs_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    empty = tmp_path / "empty"
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run(uv, "venv", "--python", sys.executable, str(empty))
    python = str(empty / "bin" / "python")
    run(uv, "pip", "install", "--python", python, "-c", str(ROOT / "constraints.txt"), *LIGHT)
    run(uv, "pip", "install", "--python", python, "--no-deps", str(wheel))
    chiasm = str(empty / "bin" / "chiasm")
    assert "ingest" in run(chiasm, "--help").stdout
    home = tmp_path / "home"
    assert "up to date" in run(chiasm, "--home", str(home), "db", "upgrade").stdout
    assert (home / "catalog.sqlite").exists()
    assert "r" not in run(chiasm, "--home", str(home), "keys", "list", "--json").stdout.strip("[]\n")
    found = run(python, "-c", "import importlib.util as u; print(u.find_spec('torch'))").stdout
    assert found.strip() == "None"
