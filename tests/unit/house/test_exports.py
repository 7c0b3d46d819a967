"""What is public is said, sorted, and there."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE_ROOTS = ("platform", "graph", "encoders", "workers", "migrations")
MODULES = sorted(
    path
    for root in SOURCE_ROOTS
    for path in (ROOT / root).rglob("*.py")
    if path.name not in ("__main__.py", "env.py") and "versions" not in path.parts
)


def exported(tree: ast.Module) -> list[str] | None:
    """The names in `__all__`, if there is one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> dict[str, str]:
    """Names that the module binds at its top, each as `own` or `imported`."""
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] = "own"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update({(alias.asname or alias.name).split(".")[0]: "imported" for alias in node.names})
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(
                {
                    name.id: "own"
                    for target in targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                }
            )
    return names


def _dotted(path: Path) -> str:
    root = next(ROOT / name for name in SOURCE_ROOTS if path.is_relative_to(ROOT / name))
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def order(name: str) -> tuple[int, str]:
    """Constants, classes, then functions, each by name; the order that ruff keeps."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_is_sorted_and_exists(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = exported(tree)
    body = [node for node in tree.body if not isinstance(node, ast.Expr)]
    if names is None:
        assert not body, "a module with code needs __all__"
        return
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=order)
    found = defined(tree)
    if "__getattr__" in found:
        # Bound when first used; the import below resolves each name.
        module = import_module(_dotted(path))
        found |= {name: "lazy" for name in names if hasattr(module, name)}
    assert [name for name in names if name not in found and name != "__version__"] == []


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name == "__init__.py"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_package_exports_all_that_it_imports(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set(exported(tree) or ())
    package = _dotted(path)
    inner = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package)
        for alias in node.names
        if (path.parent / f"{alias.name}.py").exists() is False
    }
    public = {name for name in inner if not name.startswith("_")}
    assert public <= names, f"imported from within, not in __all__: {sorted(public - names)}"


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_packages_are_typed(root: str) -> None:
    packages = [path.parent for path in (ROOT / root).glob("*/__init__.py")]
    assert packages and all((package / "py.typed").exists() for package in packages)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < 300 or path.name in {"0001_first_tables.py"}


def test_every_error_says_what_where_and_what_to_do() -> None:
    from chiasm import errors

    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, errors.ChiasmError):
            error = kind("what", where="here", remedy="do this")
            assert str(error) == "here: what (do this)"
            assert set(error.to_dict()) == {"error", "what", "where", "remedy"}
