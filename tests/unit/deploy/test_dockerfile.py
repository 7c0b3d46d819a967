"""The Dockerfile and what goes into its context, read as text: this needs no Docker."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: Of the commands that install.
_OPTIONS = {
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--without-pip",
    "--quiet",
    "--extra",
    "--output-file",
    "--no-deps",
}


def _instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined, comments left out."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


INSTRUCTIONS = _instructions()


def _all(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def test_stages() -> None:
    assert _all("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE} AS runtime"]


def test_names_no_registry_host() -> None:
    text = " ".join(f"{name} {rest}" for name, rest in INSTRUCTIONS)
    image = re.search(r"PYTHON_IMAGE=(\S+)", text)
    assert image
    assert "/" not in image[1]
    # The only address is the product's own, which the health check asks.
    assert set(re.findall(r"\w+://[^/\s'\"]+", text)) == {"http://127.0.0.1:8000"}
    # Where packages come from is the builder's own setting: neither an option says it nor the environment.
    installers = " ".join(part for run in _all("RUN") for part in run.split("&&") if "pip " in part)
    assert set(re.findall(r"--[\w-]+", installers)) <= _OPTIONS
    assert set(re.findall(r"(?:PIP|UV)_\w+", text)) <= {"UV_COMPILE_BYTECODE", "UV_LINK_MODE", "UV_NO_CACHE"}


def test_runs_as_nobody_in_particular() -> None:
    users = _all("USER")
    assert users[-1] == "10001:10001"
    # Nothing is installed or copied once the user has changed.
    after = [name for name, _ in INSTRUCTIONS][[name for name, _ in INSTRUCTIONS].index("USER") + 1 :]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def test_versions_are_pinned() -> None:
    installs = [part for run in _all("RUN") for part in run.split("&&") if " install " in part]
    installs = [part for part in installs if "pip install" in part]
    assert installs
    assert all("-c constraints.txt" in part or "--no-deps" in part for part in installs)


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = re.findall(r'--extra "?([$\w]+)"?', " ".join(_all("RUN")))
    assert named
    assert {"cpu", "gpu"} <= set(extras)
    assert set(named) - {"$FAISS"} <= set(extras)
    assert "FAISS=cpu" in _all("ARG")


def test_starts_the_product_and_checks_it() -> None:
    assert _all("ENTRYPOINT") == ['["chiasm"]']
    assert "/healthz" in _all("HEALTHCHECK")[0]
    assert "0.0.0.0" in _all("CMD")[0]


def test_copies_what_the_context_lets_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    copied = {word for rest in _all("COPY") if "--from" not in rest for word in rest.split()[:-1]}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_context_holds_every_source_root_and_what_the_build_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    roots = set(project["tool"]["hatch"]["build"]["dev-mode-dirs"])
    needed = roots | {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert needed <= {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
