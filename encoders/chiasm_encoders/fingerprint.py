"""One stable stamp for a model's configuration and weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["fingerprint_of"]


def fingerprint_of(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """SHA-256 in hexadecimal over the configuration as JSON and every tensor's name, type, shape and bytes.

    It is taken from the weights as stored, before any cast for speed, so it is the same on every device.
    """
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
