"""Encoders by name: `load_encoder("FAMILY:WHAT")`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from chiasm_encoders.errors import SpecError
from chiasm_encoders.protocol import Encoder

__all__ = ["EncoderFactory", "default_text_spec", "families", "load_encoder", "register_encoder"]

#: `factory(what, device)`: the part of the spec behind the first colon, and a device or "auto".
EncoderFactory = Callable[[str, str], Encoder]

_BUILT_IN = {
    "clap": "chiasm_encoders.audio.clap:load_clap",
    "hash": "chiasm_encoders.testing.hash_encoder:load_hash_encoder",
    "open_clip-image": "chiasm_encoders.image.open_clip_image:load_open_clip_image",
    "open_clip-text": "chiasm_encoders.text.open_clip_text:load_open_clip_text",
    "sentence-transformers": "chiasm_encoders.text.sentence_transformer:load_sentence_transformer",
    "student": "chiasm_encoders.student:load_student",
}
_registered: dict[str, EncoderFactory] = {}


def register_encoder(name: str, factory: EncoderFactory) -> None:
    """Makes `name:...` a spec in this process; the entry-point group `chiasm.encoders` does so everywhere."""
    _registered[name] = factory


def default_text_spec() -> str:
    """Spec of all-MiniLM-L6-v2. It names no path: found in the package that carries it, else on the hub."""
    return "sentence-transformers:all-MiniLM-L6-v2"


def families() -> list[str]:
    """Names that may stand before the colon of a spec."""
    return sorted({*_registered, *_BUILT_IN, *entry_points(group="chiasm.encoders").names})


def load_encoder(spec: str, *, device: str = "auto") -> Encoder:
    """The encoder that a spec names, ready to encode.

    Raises:
        SpecError: no such family, or nothing behind the colon.
        WeightsError: what it names has no usable weights.
    """
    family, _, what = spec.partition(":")
    if family in _registered:
        return _registered[family](what, device)
    if family in _BUILT_IN and what:
        module, _, function = _BUILT_IN[family].partition(":")
        return getattr(import_module(module), function)(what, device)
    for point in entry_points(group="chiasm.encoders", name=family):
        return point.load()(what, device)
    known = ", ".join(families())
    raise SpecError("no such encoder", where=spec, remedy=f"write FAMILY:NAME with a family out of {known}")
