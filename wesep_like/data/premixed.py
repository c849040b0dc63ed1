"""Mixtures that exist as files, each with what every speaker in it said, as JSON Lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wesep_like.data.json_lines import read_json_lines
from wesep_like.data.manifest import Utterance


@dataclass(frozen=True)
class PremixedSource:
    """One speaker of a mixture.

    Args:
        utterance: What was recorded: the same in every mixture that has the same words of it.
        path: The speaker as in the mixture, and alone; as long as the mixture.
    """

    speaker: str
    utterance: str
    path: str


@dataclass(frozen=True)
class PremixedMixture:
    """A mixture on disk; what is none of its sources is noise.

    Args:
        num_samples: Of the mixture and of each source, at their own sample rate.
        sample_rate: Theirs, in Hz.
    """

    id: str
    path: str
    num_samples: int
    sample_rate: int
    sources: tuple[PremixedSource, ...]

    def __post_init__(self) -> None:
        if self.num_samples <= 0 or self.sample_rate <= 0:
            raise ValueError(
                f"expected num_samples > 0 and sample_rate > 0, "
                f"got {self.num_samples} and {self.sample_rate}"
            )
        speakers = [source.speaker for source in self.sources]
        if not speakers:
            raise ValueError("sources: expected at least one, got none")
        for speaker in speakers:
            if speakers.count(speaker) > 1:
                raise ValueError(f"speaker {speaker!r} is in it twice. No enrollment tells which")

    def with_paths(self, path_of: Callable[[str], str]) -> PremixedMixture:
        """The record with each path replaced by what `path_of` says of it."""
        sources = tuple(replace(source, path=path_of(source.path)) for source in self.sources)
        return replace(self, path=path_of(self.path), sources=sources)

    def utterance(self, number: int) -> Utterance:
        """Source `number`, counted from 0, as a file of its own."""
        source = self.sources[number]
        return Utterance(
            source.utterance, source.speaker, source.path, self.num_samples, self.sample_rate
        )


def utterance_in(mixture_id: str, speakers: Sequence[str], number: int) -> str:
    """What speaker `number` says in a mixture; LibriMix puts it into the name of the mixture."""
    parts = mixture_id.split("_")
    if [part.split("-")[0] for part in parts] == list(speakers):
        return parts[number]
    return f"s{number + 1}/{mixture_id}"


def read_premixed(path: str | Path) -> list[PremixedMixture]:
    """Read a manifest of mixtures, with paths as the process can open them.

    Raises:
        ManifestError: If the file is missing or empty, or lines are wrong; tells up to ten of them,
            then a count.
    """
    folder = Path(path).parent
    mixtures = read_json_lines(path, PremixedMixture)
    return [mixture.with_paths(lambda file: str(folder / file)) for mixture in mixtures]
