"""Which function makes a job of a kind: what schedules call when they fire.

Names, not imports: what is above this package is loaded when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from chiasm.catalog import Catalog
from chiasm.errors import UsageError
from chiasm.settings import Settings

__all__ = ["Submitter", "check_kind", "register_submitter", "submit", "submitter"]

#: `submit(settings, catalog, workspace_id, idempotency_key=..., **params)` -> job id.
Submitter = Callable[..., int]

#: Entry-point group of other packages' jobs: `kind = module:function`.
_GROUP = "chiasm.submitters"
_SUBMITTERS: dict[str, str | Submitter] = {
    "train": "chiasm.releases:submit_train",
    "evaluate": "chiasm.releases:submit_evaluate",
    "distill": "chiasm.releases:submit_distill",
    "ingest": "chiasm.ingest:submit_ingest",
    "duplicates": "chiasm.duplicates:submit_find",
}


def register_submitter(kind: str, function: str | Submitter) -> None:
    """Make a kind of job known, by a function or by `module:function`."""
    _SUBMITTERS[kind] = function


def check_kind(kind: str) -> None:
    """Return if jobs of this kind can be asked for; imports nothing.

    Raises:
        UsageError: No such kind of job is known.
    """
    if kind not in _SUBMITTERS:
        _SUBMITTERS.update({plugin.name: plugin.value for plugin in entry_points(group=_GROUP)})
    if kind not in _SUBMITTERS:
        known = ", ".join(sorted(_SUBMITTERS))
        raise UsageError(f"no job of kind {kind!r}", where="--job", remedy=f"known are {known}")


def submitter(kind: str) -> Submitter:
    """The function that makes jobs of a kind.

    Raises:
        UsageError: No such kind of job is known.
    """
    check_kind(kind)
    function = _SUBMITTERS[kind]
    if isinstance(function, str):
        module, _, name = function.partition(":")
        function = getattr(import_module(module), name)
        _SUBMITTERS[kind] = function
    return function


def submit(
    settings: Settings,
    catalog: Catalog,
    workspace_id: int,
    kind: str,
    params: Mapping[str, Any],
    idempotency_key: str,
) -> int:
    """Make a job of a kind, once for each key; its id.

    Raises:
        UsageError: The kind is unknown, or the parameters do not fit it.
    """
    function = submitter(kind)
    return int(function(settings, catalog, workspace_id, idempotency_key=idempotency_key, **params))
