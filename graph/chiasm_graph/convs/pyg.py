"""PyG's base class and what else is used of it, without the seconds that its other parts take to import.

PyG imports all of itself, and with it torch's compiler, pandas and more, of which message passing uses
nothing. A process that fuses one new entity would spend six seconds on that. So these modules are left out
while PyG is imported, and found as ever by whoever imports them afterwards.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

__all__ = ["BasisRgcn", "MessagePassing", "segment_softmax"]

_RARELY_USED = frozenset(
    {
        "torch._dynamo",
        "torch_geometric.datasets",
        "torch_geometric.explain",
        "torch_geometric.llm",
        "torch_geometric.loader",
        "torch_geometric.profile",
        "torch_geometric.transforms",
    }
)


class _LazyFinder:
    """Finds the rarely used modules with a loader that waits for the first access to an attribute."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _RARELY_USED else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _left_out() -> Iterator[None]:
    sys.meta_path.insert(0, _LazyFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(_LazyFinder)
        # One that nobody used must not stay: tools that look through all modules would load it at a bad time.
        for name in _RARELY_USED:
            module = sys.modules.get(name)
            if module is not None and type(module) is not ModuleType:
                del sys.modules[name]
                package, _, attribute = name.rpartition(".")
                if package in sys.modules:
                    vars(sys.modules[package]).pop(attribute, None)


with _left_out(), warnings.catch_warnings():
    # It still scripts a few functions of its own; nothing that its users could change.
    warnings.filterwarnings("ignore", message=".*torch.jit.*", category=FutureWarning)
    from torch_geometric import nn as _nn
    from torch_geometric.utils import softmax as _softmax

BasisRgcn = _nn.RGCNConv
MessagePassing = _nn.MessagePassing
segment_softmax = _softmax
