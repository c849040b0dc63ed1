"""What an enrollment says about a speaker: the border between speaker modules and the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class CueFrames:
    """One vector for every frame of the enrollment.

    Attributes:
        values: (batch, channels, *positions, frames); after the end of a shorter one, anything.
        lengths: How many frames each has, (batch,); None where all are whole.
    """

    values: Tensor
    lengths: Tensor | None = None

    def padding(self) -> Tensor | None:
        """True for what is no frame, (batch, frames); None where all are frames."""
        if self.lengths is None:
            return None
        places = torch.arange(self.values.shape[-1], device=self.values.device)
        return places >= self.lengths[:, None]

    def row(self, number: int) -> CueFrames:
        """That of one item, (1, channels, *positions, its frames)."""
        one = self.values[number : number + 1]
        return CueFrames(one if self.lengths is None else one[..., : int(self.lengths[number])])

    def detach(self) -> CueFrames:
        """The same, from which nothing is learnt."""
        return CueFrames(self.values.detach(), self.lengths)

    @staticmethod
    def stacked(rows: Sequence[CueFrames]) -> CueFrames:
        """A batch of rows, each of one item and whole."""
        lengths = [row.values.shape[-1] for row in rows]
        longest = max(lengths)
        values = torch.cat(
            [pad(r.values, (0, longest - n)) for r, n in zip(rows, lengths, strict=True)]
        )
        if len(set(lengths)) == 1:
            return CueFrames(values)
        return CueFrames(values, torch.tensor(lengths, device=values.device))

    @staticmethod
    def joined(parts: Sequence[CueFrames]) -> CueFrames:
        """One after another, of recordings of one speaker; all whole."""
        return CueFrames(torch.cat([part.values for part in parts], dim=-1))


@dataclass(frozen=True)
class SpeakerCue:
    """What is told of the speakers of a batch. What nobody asks for is None.

    Attributes:
        embedding: One vector a speaker, (batch, embed).
        frames: What the speaker module says of every frame of the enrollment, for fusions that
            attend to it.
        magnitudes: Of the enrollment's spectrum, in step with the separator's STFT, for a TF-map:
            channels are bins.
        keys: What the frames of `magnitudes` are found by; None where by themselves.
        levels: What is told for `frames` to each of the separator's blocks, where not all are told
            the same.
    """

    embedding: Tensor | None = None
    frames: CueFrames | None = None
    magnitudes: CueFrames | None = None
    keys: CueFrames | None = None
    levels: tuple[CueFrames, ...] | None = None

    @property
    def has_frames(self) -> bool:
        """Whether anything is told frame by frame."""
        parts = (self.frames, self.magnitudes, self.keys, self.levels)
        return any(part is not None for part in parts)

    def at(self, number: int) -> SpeakerCue:
        """What the separator's block `number` is told."""
        return self if self.levels is None else replace(self, frames=self.levels[number])

    def row(self, number: int) -> SpeakerCue:
        """What is told of one item of the batch."""
        return self._each(
            lambda embedding: embedding[number : number + 1], lambda frames: frames.row(number)
        )

    def detach(self) -> SpeakerCue:
        """The same, from which nothing is learnt."""
        return self._each(lambda embedding: embedding.detach(), lambda frames: frames.detach())

    @staticmethod
    def stacked(rows: Sequence[SpeakerCue]) -> SpeakerCue:
        """A batch of cues, each of one item."""
        return _merged(rows, torch.cat, CueFrames.stacked)

    @staticmethod
    def mean(cues: Sequence[SpeakerCue]) -> SpeakerCue:
        """One cue for several of one speaker: embeddings averaged, frames one after another."""
        if len(cues) == 1:
            return cues[0]
        return _merged(cues, lambda all_of: torch.stack(all_of).mean(0), CueFrames.joined)

    def _each(
        self, of_embedding: Callable[[Tensor], Tensor], of_frames: Callable[[CueFrames], CueFrames]
    ) -> SpeakerCue:
        return _merged([self], lambda one: of_embedding(one[0]), lambda one: of_frames(one[0]))


def _merged(
    cues: Sequence[SpeakerCue],
    of_embeddings: Callable[[list[Tensor]], Tensor],
    of_frames: Callable[[list[CueFrames]], CueFrames],
) -> SpeakerCue:
    """Each part of the cue made of that part of `cues`, which have the same parts."""
    merged: dict[str, Any] = {}
    for field in fields(SpeakerCue):
        parts = [getattr(cue, field.name) for cue in cues]
        if isinstance(parts[0], tuple):
            levels = zip(*parts, strict=True)
            merged[field.name] = tuple(of_frames(list(level)) for level in levels)
        elif parts[0] is not None:
            merge = of_frames if isinstance(parts[0], CueFrames) else of_embeddings
            merged[field.name] = merge(parts)
    return SpeakerCue(**merged)
