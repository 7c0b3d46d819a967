"""Safe decoding of pictures and sounds, and the content-addressed blob store."""

from chiasm.media.blobs import BlobStore
from chiasm.media.decoder import Decoder
from chiasm.media.limits import MediaLimits
from chiasm.media.pictures import decode_image
from chiasm.media.sniff import MediaType, sniff
from chiasm.media.sounds import decode_audio

__all__ = ["BlobStore", "Decoder", "MediaLimits", "MediaType", "decode_audio", "decode_image", "sniff"]
