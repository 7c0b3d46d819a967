"""What every encoder must do, as tests to inherit."""

from __future__ import annotations

from typing import Any

import numpy as np

from chiasm_encoders.errors import EncoderInputError
from chiasm_encoders.protocol import Encoder

__all__ = ["EncoderContract"]


class EncoderContract:
    """Subclass it as `TestMyEncoder`, name the class, and define the pytest fixtures `encoder` and `items`.

    `items` are three different items of the encoder's modality, of unequal length or size.
    """

    #: The class under test; a plugin's own test suite names its own.
    implementation: type | None = None

    def test_describes_itself(self, encoder: Encoder) -> None:
        """Class, modality, dimension and fingerprint are as promised."""
        assert self.implementation is not None
        assert isinstance(encoder, self.implementation)
        assert isinstance(encoder, Encoder)
        assert encoder.modality in ("text", "image", "audio")
        assert encoder.dim > 0
        assert len(encoder.fingerprint) == 64
        assert int(encoder.fingerprint, 16) >= 0

    def test_gives_unit_rows(self, encoder: Encoder, items: list[Any]) -> None:
        """One finite float32 row of length one an item."""
        vectors = encoder.encode(items)
        assert vectors.shape == (len(items), encoder.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)

    def test_takes_an_empty_batch(self, encoder: Encoder) -> None:
        """No items, no rows, still the right width."""
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.dim)
        assert vectors.dtype == np.float32

    def test_keeps_the_order(self, encoder: Encoder, items: list[Any]) -> None:
        """A row belongs to its item wherever that stands, and hardly depends on its neighbours."""
        forward, backward = encoder.encode(items), encoder.encode(items[::-1])[::-1]
        np.testing.assert_allclose((forward * backward).sum(1), 1.0, atol=5e-3)
        alone = np.concatenate([encoder.encode([item]) for item in items])
        np.testing.assert_allclose((forward * alone).sum(1), 1.0, atol=5e-3)

    def test_repeats_itself(self, encoder: Encoder, items: list[Any]) -> None:
        """The same batch twice gives the same bits."""
        np.testing.assert_array_equal(encoder.encode(items), encoder.encode(items))

    def test_tells_items_apart(self, encoder: Encoder, items: list[Any]) -> None:
        """Different items have different vectors."""
        vectors = encoder.encode(items)
        similar = vectors @ vectors.T - 2 * np.eye(len(items))
        assert similar.max() < 1 - 1e-6

    def test_takes_many(self, encoder: Encoder, items: list[Any]) -> None:
        """More items than any inner batch holds."""
        many = [items[index % len(items)] for index in range(130)]
        vectors = encoder.encode(many)
        assert vectors.shape == (130, encoder.dim)
        np.testing.assert_allclose((vectors[:3] * vectors[126:129]).sum(1), 1.0, atol=5e-3)

    def test_refuses_another_modality(self, encoder: Encoder) -> None:
        """An item of another kind is an error that says so, not a vector."""
        for wrong in (None, 3.5, np.zeros((2, 2), np.float32)):
            try:
                encoder.encode([wrong])
            except EncoderInputError as error:
                assert "not" in error.what
            else:
                raise AssertionError(f"{type(wrong).__name__} was taken")
