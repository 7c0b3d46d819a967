"""Batches drawn one step ahead, while the model computes."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import torch
from torch import Tensor

from chiasm.training.view_batch import ViewBatch
from chiasm.training.views import ViewSampler

__all__ = ["Ahead"]


class Ahead:
    """Draws of a sampler in order, the next one in the making.

    A draw depends on seed, step and part alone, so drawing early changes nothing. One thread draws: the
    sampler holds state between its own lines.

    Args:
        sampler: Of batches.
        device: Where batches shall lie; a GPU copies them without being waited for.
    """

    def __init__(self, sampler: ViewSampler, device: torch.device) -> None:
        self.sampler = sampler
        self.device = device
        #: Time that the model waited
        self.waited_s = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="chiasm-draw")
        self._next: tuple[tuple[int, int, int], Future[ViewBatch]] | None = None

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def draw(self, step: int, part: int = 0, parts: int = 1) -> ViewBatch:
        """A part of a step's batch; the one after it is begun."""
        key = (step, part, parts)
        if self._next is None or self._next[0] != key:
            self._next = (key, self._pool.submit(self._drawn, *key))
        begun = time.perf_counter()
        batch = self._next[1].result()
        self.waited_s += time.perf_counter() - begun
        after = (step, part + 1, parts) if part + 1 < parts else (step + 1, 0, parts)
        self._next = (after, self._pool.submit(self._drawn, *after))
        return batch.map(lambda tensor: tensor.to(self.device, non_blocking=True))

    def _drawn(self, step: int, part: int, parts: int) -> ViewBatch:
        batch = self.sampler.draw(step, part, parts)
        # From there a GPU copies by itself.
        return batch.map(Tensor.pin_memory) if self.device.type == "cuda" else batch
