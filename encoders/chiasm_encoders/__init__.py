"""Text, image and audio encoders behind one protocol: pretrained teachers and distilled students."""

from chiasm_encoders.errors import (
    EncoderError,
    EncoderInputError,
    SpecError,
    SupervisionError,
    TrainingStopped,
    UnsafeWeightsError,
    WeightsError,
)
from chiasm_encoders.protocol import Encoder
from chiasm_encoders.registry import default_text_spec, load_encoder, register_encoder
from chiasm_encoders.waveform import Waveform

__all__ = [
    "Encoder",
    "EncoderError",
    "EncoderInputError",
    "SpecError",
    "SupervisionError",
    "TrainingStopped",
    "UnsafeWeightsError",
    "Waveform",
    "WeightsError",
    "default_text_spec",
    "load_encoder",
    "register_encoder",
]
