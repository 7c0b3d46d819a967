"""For tests of encoders and of what uses them: the contract, and a double that needs no weights."""

from chiasm_encoders.testing.contract import EncoderContract
from chiasm_encoders.testing.hash_encoder import HashEncoder, load_hash_encoder

__all__ = ["EncoderContract", "HashEncoder", "load_hash_encoder"]
