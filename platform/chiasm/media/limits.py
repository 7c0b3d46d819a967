"""What a picture or a sound may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MediaLimits"]


@dataclass(frozen=True)
class MediaLimits:
    """Limits of one medium; beyond them it is refused, not cut."""

    #: Of the encoded file.
    max_bytes: int = 64 * 2**20
    #: Width times height, before anything is decoded.
    max_pixels: int = 64_000_000
    #: Length of a sound.
    max_seconds: float = 600.0
    #: Rate of a sound; together with the length it bounds the samples.
    max_sample_rate_hz: int = 384_000
    max_channels: int = 32
    #: Processor time for one medium in the decoding child.
    cpu_s: int = 20
    #: Wall-clock time for one medium in the decoding child.
    wall_s: float = 60.0
    #: Address space of the decoding child.
    address_space_bytes: int = 3 * 2**30
