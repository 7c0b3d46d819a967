"""Losses, one a file."""

from chiasm.fusion.losses.adversarial import Adversarial, reverse_gradient
from chiasm.fusion.losses.balanced_entropy import balanced_entropy, class_weights
from chiasm.fusion.losses.coral import coral
from chiasm.fusion.losses.hardest import Hardest
from chiasm.fusion.losses.info_nce import InfoNce
from chiasm.fusion.losses.mmd import mmd

__all__ = [
    "Adversarial",
    "Hardest",
    "InfoNce",
    "balanced_entropy",
    "class_weights",
    "coral",
    "mmd",
    "reverse_gradient",
]
