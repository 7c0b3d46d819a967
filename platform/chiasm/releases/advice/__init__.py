"""What to train with, said from what the catalogue holds and what the machine can do."""

from chiasm.releases.advice.advising import advise

__all__ = ["advise"]
