"""How much a module multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def multiplications(module: nn.Module, mixture: Tensor) -> int:
    """Multiply-accumulates of one forward pass."""
    with counting_lstms() as of_lstms, torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(mixture)
    return counter.get_total_flops() // 2 + sum(of_lstms)


@contextmanager
def counting_lstms() -> Iterator[list[int]]:
    """LSTMs, which the counter of torch does not see, are counted here and not computed."""
    counts: list[int] = []
    forward = nn.LSTM.forward

    def counted(self: nn.LSTM, x: Tensor, state: object = None) -> tuple[Tensor, None]:
        directions = 2 if self.bidirectional else 1
        gates = 4 * self.hidden_size * (self.input_size + self.hidden_size)
        counts.append(x.shape[0] * x.shape[1] * directions * gates)
        return x.new_zeros(*x.shape[:2], directions * self.hidden_size), None

    nn.LSTM.forward = counted  # type: ignore[assignment, method-assign]
    try:
        yield counts
    finally:
        nn.LSTM.forward = forward  # type: ignore[method-assign]
