"""Which of some labels fits: by what labels say (zero-shot), or by entities that have them (few-shot)."""

from chiasm.classification.classifier import Classifier
from chiasm.classification.request import ClassifyRequest

__all__ = ["Classifier", "ClassifyRequest"]
