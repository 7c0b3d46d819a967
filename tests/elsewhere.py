"""A second device without a second device: what lies there, mixes with nothing that does not.

`elsewhere` is a place whose tensors are arrays of the CPU under another name, ``cpu:1``. Whoever forgets to move a
tensor, or makes a new one in the wrong place, gets the error that a GPU would give; results are those of the CPU to the
last bit.
Only what `torch.tensor` makes there is not seen to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["DEVICE", "elsewhere"]

DEVICE = torch.device("cpu:1")
#: They take tensors of two places: copies, and indexes, which may lie on the CPU.
_BETWEEN = {"_to_copy", "copy_", "index", "index_put", "index_put_", "_index_put_impl_"}
_TO_PYTHON = {"_local_scalar_dense", "is_pinned"}


class _Far(torch.Tensor):
    """A tensor that lies elsewhere."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> _Far:
        made: _Far = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(func, args, dict(kwargs or {}))


class _Elsewhere(TorchDispatchMode):
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _run(func, args, dict(kwargs or {}))


@contextmanager
def elsewhere() -> Iterator[torch.device]:
    """The other place, as long as it is open; what lies there cannot be used afterwards."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        # Views of such tensors cannot be made in inference mode, which says less than it saves here.
        with (
            _Elsewhere(),
            mock.patch.multiple(torch.inference_mode, __enter__=_no_grad, __exit__=_grad_again),
        ):
            yield DEVICE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def _no_grad(mode: torch.inference_mode) -> None:
    mode._instead = torch.no_grad()  # type: ignore[attr-defined]
    mode._instead.__enter__()  # type: ignore[attr-defined]


def _grad_again(mode: torch.inference_mode, *error: Any) -> None:
    mode._instead.__exit__(*error)  # type: ignore[attr-defined]


def _run(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    name = func.overloadpacket.__name__
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    far = [one for one in tensors if isinstance(one, _Far)]
    # One number alone may lie anywhere.
    near = [one for one in tensors if not isinstance(one, _Far) and one.dim() > 0]
    if far and near and name not in _BETWEEN:
        raise RuntimeError(f"expected all tensors to be on the same device, but {name} got two")
    there = bool(far) and name not in _TO_PYTHON
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]) == DEVICE
        kwargs["device"] = torch.device("cpu")
    elif name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        there = isinstance(args[0], _Far)
        if name != "index" and args[2].dim() > 0 and isinstance(args[2], _Far) != there:
            raise RuntimeError("values of one device are put into a tensor of another")
        if far and not there:
            raise RuntimeError("a tensor of the CPU is indexed by one that lies elsewhere")
    result = func(*tree_map(_near, args), **tree_map(_near, kwargs))
    if not func._schema.returns:
        return None
    if func._schema.is_mutable and name.endswith("_"):
        return args[0]
    return tree_map(_far, result) if there else result


def _near(one: Any) -> Any:
    return one.inner if isinstance(one, _Far) else one


def _far(one: Any) -> Any:
    return _Far(one) if isinstance(one, torch.Tensor) and not isinstance(one, _Far) else one
