"""Published tensor names and shapes -> ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from wesep_like.errors import ModelFileError


@dataclass(frozen=True)
class Rule:
    """Tensors whose published name is `pattern`, a regular expression, are ours by another name.

    Attributes:
        pattern: Matches the whole name.
        ours: Our name, a template of `re.Match.expand`; or makes it of the match. None drops the
            tensor, whose value has no effect.
        reshape: Makes our tensor of the published one; None where they differ at most in axes of
            width one.
    """

    pattern: str
    ours: str | Callable[[re.Match[str]], str] | None
    reshape: Callable[[Tensor], Tensor] | None = None


def translated(state: Mapping[str, Tensor], rules: Iterable[Rule], where: str) -> dict[str, Tensor]:
    """The tensors of `state` under our names; of several rules that match, the first counts.

    Raises:
        ModelFileError: If a tensor matches no rule.
    """
    compiled = [(re.compile(rule.pattern), rule) for rule in rules]
    ours: dict[str, Tensor] = {}
    unexpected = []
    for key, value in state.items():
        for pattern, rule in compiled:
            match = pattern.fullmatch(key)
            if match is None:
                continue
            if rule.ours is not None:
                name = match.expand(rule.ours) if isinstance(rule.ours, str) else rule.ours(match)
                ours[name] = value if rule.reshape is None else rule.reshape(value)
            break
        else:
            unexpected.append(key)
    if unexpected:
        raise ModelFileError(
            f"{where}: {len(unexpected)} tensors are unexpected (as {unexpected[0]}). "
            "Is this the state of another class, or are these the arguments of another model?"
        )
    return ours


def without_unit_axes(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`weights`, those in the shape of `model`'s that differ only in axes of width one."""
    own = model.state_dict()

    def fitted(key: str, value: Tensor) -> Tensor:
        shape = own[key].shape if key in own else value.shape
        narrow = [size for size in shape if size != 1]
        return value.reshape(shape) if [s for s in value.shape if s != 1] == narrow else value

    return {key: fitted(key, value) for key, value in weights.items()}


def frequency_first(value: Tensor) -> Tensor:
    """A picture's kernel (out, in, time, frequency) with frequency first; others as they are."""
    return value.transpose(2, 3) if value.ndim == 4 else value


def stft_section(win_samples: int, hop_samples: int, sample_rate: int) -> dict[str, float]:
    """The options of our separators for an STFT that is given in samples."""
    return {
        "window_ms": 1000 * win_samples / sample_rate,
        "hop_ms": 1000 * hop_samples / sample_rate,
    }
