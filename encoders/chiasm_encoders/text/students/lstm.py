"""A bidirectional LSTM beside the mean of token vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from chiasm_encoders.text.students.static import StaticTextStudent, token_mean

__all__ = ["LstmTextStudent"]


class LstmTextStudent(StaticTextStudent):
    """What the order of tokens adds to their mean, by an LSTM in both directions.

    Args:
        vocabulary: Tokens.
        width: Length of a token's vector.
        dim: Length of the teacher's vectors.
        hidden: Length of the state in each direction.

    References:
        Hochreiter and Schmidhuber 1997, "Long short-term memory".
    """

    def __init__(self, vocabulary: int, width: int, dim: int, hidden: int) -> None:
        super().__init__(vocabulary, width, dim)
        self.forth = nn.LSTM(width, hidden, batch_first=True)
        self.back = nn.LSTM(width, hidden, batch_first=True)
        self.add = nn.Linear(2 * hidden, dim)
        nn.init.zeros_(self.add.weight)
        nn.init.zeros_(self.add.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors `(batch, dim)` of tokens `(batch, tokens)`, padding where the mask is false."""
        x = self.table(ids)
        # Padding comes last: backwards each row is turned round within its own length.
        length = mask.sum(1, keepdim=True)
        place = torch.arange(ids.shape[1], device=ids.device)[None, :]
        turned = torch.where(mask, length - 1 - place, place)[..., None]
        forth, _ = self.forth(x)
        back, _ = self.back(x.gather(1, turned.expand(-1, -1, x.shape[2])))
        read = torch.cat([token_mean(forth, mask), token_mean(back, mask)], dim=1)
        return functional.normalize(self.widen(token_mean(x, mask)) + self.add(read), dim=-1)
