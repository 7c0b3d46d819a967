"""Opening the folder of a trained student: `config.json` and `model.safetensors`, or `model.onnx` of a distilled one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from chiasm_encoders.errors import WeightsError
from chiasm_encoders.protocol import Encoder
from chiasm_encoders.weights import read_config, safe_file

__all__ = ["ONNX_FILES", "ONNX_FORMAT", "STUDENT_FORMAT", "load_student"]

#: Raised when a change makes folders written before it unreadable.
STUDENT_FORMAT = "chiasm-student-1"
#: Likewise, of those that ONNX Runtime runs.
ONNX_FORMAT = "chiasm-onnx-1"
#: What such a one answers by; the last where it reads texts.
ONNX_FILES = ("config.json", "model.onnx", "tokenizer.json")
#: Who opens one, by modality.
_ONNX_ENCODERS = {
    "text": "chiasm_encoders.text.onnx_text:OnnxTextEncoder",
    "image": "chiasm_encoders.image.onnx_image:OnnxImageEncoder",
    "audio": "chiasm_encoders.audio.onnx_audio:OnnxAudioEncoder",
}


def load_student(what: str, device: str) -> Encoder:
    """The student in a folder, or the tuned text encoder.

    Raises:
        WeightsError: the folder holds no student, or one whose weights and configuration disagree.
    """
    folder = Path(what)
    if (folder / "modules.json").is_file():
        from chiasm_encoders.text.sentence_transformer import load_sentence_transformer

        return load_sentence_transformer(what, device)
    config = read_config(folder / "config.json")
    if config.get("format") == ONNX_FORMAT:
        return _onnx_student(folder, config)
    if config.get("format") != STUDENT_FORMAT or config.get("modality") not in ("image", "audio"):
        raise WeightsError("not a student of this version", where=what, remedy="train it again: chiasm train")
    try:
        weights = load_file(safe_file(folder / "model.safetensors"))
        if config["modality"] == "image":
            from chiasm_encoders.image.student import ImageStudentEncoder, build_image_student

            picture_model = build_image_student(config["model"])
            picture_model.load_state_dict(weights)
            return ImageStudentEncoder(config["model"], picture_model, device=device)
        from chiasm_encoders.audio.student import AudioStudentEncoder, build_audio_student

        sound_model = build_audio_student(config["model"])
        sound_model.load_state_dict(weights)
        return AudioStudentEncoder(config["model"], sound_model, device=device)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        # The last ones: a configuration whose values are of other types.
        raise WeightsError(
            f"damaged student: {error}"[:500], where=what, remedy="restore the folder or train it again"
        ) from error


def _onnx_student(folder: Path, config: Mapping[str, Any]) -> Encoder:
    place = _ONNX_ENCODERS.get(str(config.get("modality")))
    if place is None:
        raise WeightsError(
            "not a student of this version", where=str(folder), remedy="distill it again: chiasm distill"
        )
    module, _, name = place.partition(":")
    try:
        found: Encoder = getattr(import_module(module), name)(folder, config, _files_fingerprint(folder))
        return found
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"damaged student: {error}"[:500],
            where=str(folder),
            remedy="restore the folder or distill it again",
        ) from error
    except Exception as error:
        # The tokenizer's own error is a plain Exception.
        if type(error) is not Exception:
            raise
        raise WeightsError(
            f"damaged tokenizer: {error}"[:500],
            where=str(folder),
            remedy="restore the folder or distill it again",
        ) from error


def _files_fingerprint(folder: Path) -> str:
    """SHA-256 over what a student of ONNX Runtime answers by."""
    digest = hashlib.sha256()
    for name in ONNX_FILES:
        path = folder / name
        digest.update(name.encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()
