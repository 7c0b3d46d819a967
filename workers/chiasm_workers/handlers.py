"""Which function does which kind of unit; imported when the first unit of the kind comes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiasm.jobs import Claim, WorkContext

    Handler = Callable[[WorkContext, Claim], None]

__all__ = ["find_handler"]

#: Entry-point group of other packages' handlers: `kind = module:function`.
_GROUP = "chiasm.handlers"
_HANDLERS: dict[str, str | Handler] = {
    "read": "chiasm.ingest:read_unit",
    "embed": "chiasm.ingest:embed_unit",
    "fuse": "chiasm.ingest:fuse_unit",
    "refresh": "chiasm.ingest:refresh_unit",
    "fingerprint": "chiasm.duplicates:fingerprint_unit",
    "compare": "chiasm.duplicates:compare_unit",
    "clear": "chiasm.ingest:clear_unit",
    "forget": "chiasm.releases.forget:forget_unit",
    "train": "chiasm.releases.train:train_unit",
    "build": "chiasm.releases.build:build_unit",
    "follow": "chiasm.releases.follow:follow_unit",
    "remake": "chiasm.releases.remake:remake_unit",
    "evaluate": "chiasm.releases.evaluate:evaluate_unit",
    "distill": "chiasm.releases.distill:distill_unit",
}


def find_handler(kind: str) -> Handler:
    """The function for a kind of unit.

    Raises:
        UsageError: No handler of that kind is known here.
    """
    if kind not in _HANDLERS:
        _HANDLERS.update({plugin.name: plugin.value for plugin in entry_points(group=_GROUP)})
    handler = _HANDLERS.get(kind)
    if handler is None:
        from chiasm.errors import UsageError

        known = ", ".join(sorted(_HANDLERS))
        raise UsageError(f"no handler for units of kind {kind!r}", remedy=f"this worker knows {known}")
    if isinstance(handler, str):
        module, _, name = handler.partition(":")
        handler = getattr(import_module(module), name)
        _HANDLERS[kind] = handler
    return handler
