"""What is where in a LibriMix tree: `Libri2Mix/wav16k/min/test/{mix_clean,s1,s2,noise,...}`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from wesep_like.config.sections import nearest
from wesep_like.errors import ConfigError

# Of mixtures: all voices; with noise; the first voice with noise.
KINDS = ("mix_clean", "mix_both", "mix_single")
NOISY_KINDS = KINDS[1:]
# min: cut to the shortest voice; max: all to their ends.
MODES = ("min", "max")
SAMPLE_RATES = (16000, 8000)
TABLES = "metadata"


def ordered_kinds(names: Collection[str]) -> list[str]:
    """Kinds of mixtures in LibriMix's order.

    Raises:
        ConfigError: If there is no such kind.
    """
    for name in names:
        if name not in KINDS:
            raise ConfigError(
                f"mixtures: no kind is called {name!r}{nearest(name, KINDS)}. "
                f"Known: {', '.join(KINDS)}"
            )
    return [kind for kind in KINDS if kind in names]


def heard_in(kind: str, num_sources: int) -> list[str]:
    """The signals that a mixture of a kind is the sum of, in their order: s1, s2, ..., noise."""
    voices = _voices(1 if kind == "mix_single" else num_sources)
    return [*voices, "noise"] if kind in NOISY_KINDS else voices


@dataclass(frozen=True)
class Variant:
    """One of the forms of each set.

    Args:
        sample_rate: One of `SAMPLE_RATES`, in Hz.
        mode: One of `MODES`.

    Raises:
        ConfigError: If it is none of them.
    """

    sample_rate: int
    mode: str

    def __post_init__(self) -> None:
        for name, value, known in (
            ("sample_rate", self.sample_rate, SAMPLE_RATES),
            ("mode", self.mode, MODES),
        ):
            if value not in known:
                expected = " or ".join(map(str, known))
                raise ConfigError(f"{name}: expected {expected}, got {value!r}")


@dataclass(frozen=True)
class SetFolder:
    """One set in one variant.

    Args:
        root: What `Libri2Mix` is in.
        set_name: train-100, dev or test, or any other.
        num_sources: 2 in Libri2Mix.
    """

    root: Path
    set_name: str
    num_sources: int
    variant: Variant

    @property
    def _parent(self) -> Path:
        rate = f"wav{self.variant.sample_rate // 1000}k"
        return self.root / f"Libri{self.num_sources}Mix" / rate / self.variant.mode

    @property
    def path(self) -> Path:
        """The folder."""
        return self._parent / self.set_name

    @property
    def tables(self) -> Path:
        """Where the tables of this and the other sets are."""
        return self._parent / TABLES

    def file(self, signal: str, mixture_id: str) -> Path:
        """Where a signal of a mixture is: s1, mix_clean and so on."""
        return self.path / signal / f"{mixture_id}.wav"

    def signals(self, kinds: Iterable[str]) -> list[str]:
        """All that is written for these kinds of mixtures, themselves included."""
        kinds = list(kinds)
        noise = ["noise"] if set(kinds) & set(NOISY_KINDS) else []
        return [*_voices(self.num_sources), *noise, *kinds]


def _voices(num_sources: int) -> list[str]:
    return [f"s{number + 1}" for number in range(num_sources)]
