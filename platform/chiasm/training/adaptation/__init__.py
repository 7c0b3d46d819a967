"""Classifiers for a domain of which no label is known, on feature matrices of any kind."""

from chiasm.training.adaptation.denoising import Denoiser
from chiasm.training.adaptation.linear import Logistic
from chiasm.training.adaptation.networks import AlignedNetwork, Alignment
from chiasm.training.adaptation.plans import Adapted, Plan, adapt, reverse_accuracy
from chiasm.training.adaptation.self_training import SelfTraining
from chiasm.training.adaptation.weighting import LogTfIdf

__all__ = [
    "Adapted",
    "AlignedNetwork",
    "Alignment",
    "Denoiser",
    "LogTfIdf",
    "Logistic",
    "Plan",
    "SelfTraining",
    "adapt",
    "reverse_accuracy",
]
