"""Enrollment or any other speech in, what it says about the speaker out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.resample import resample
from wesep_like.errors import AudioError, ModelFileError
from wesep_like.inference.device import find_device
from wesep_like.inference.models import find_model
from wesep_like.inference.signals import MIN_SECONDS, to_mono, warn_if_short
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.model_file import CONFIG
from wesep_like.models.speakers.base import SpeakerModule
from wesep_like.models.tse import TSEModel

Signal: TypeAlias = "np.ndarray | Tensor"
"""(samples,), floating point, in [-1, 1]."""

# A longer recording is heard in pieces of at most this length: memory stays bounded, and a voice is
# known long before.
PIECE_SECONDS = 60.0


class Embedder:
    """A speaker module with the handling of audio around it.

    Args:
        speaker: From a model file or training.
        sample_rate: The one it works at, in Hz.
        device: `auto`, `cpu`, `cuda`, or a torch device.
        threshold: The similarity from which on two voices are taken for one; None if not known.

    Raises:
        ConfigError: If there is no such device.
    """

    def __init__(
        self,
        speaker: SpeakerModule,
        sample_rate: int,
        device: str | torch.device = "auto",
        *,
        threshold: float | None = None,
    ) -> None:
        self.device = find_device(device)
        self.sample_rate = sample_rate
        self.threshold = threshold
        self._speaker = speaker.to(self.device).eval()
        self._min_seconds = max(MIN_SECONDS, speaker.min_samples / sample_rate)

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        device: str | torch.device = "auto",
        *,
        trust_code: bool = False,
    ) -> Embedder:
        """The encoder of a model folder; for an extraction model, its speaker module.

        Its threshold is what the model's config says under the key `verification_threshold`.

        Args:
            model: As for `Extractor.load`; None is the bundled model.
            device: `auto`, `cpu`, `cuda`, or a torch device.
            trust_code: See `load_encoder`.

        Raises:
            ModelFileError: If it is no model.
        """
        place = find_device(device)
        found = find_model(model, trust_code=trust_code)
        speaker = found.model.speaker if isinstance(found.model, TSEModel) else found.model
        threshold = found.config.get("verification_threshold")
        if threshold is not None and type(threshold) not in (int, float):
            raise ModelFileError(
                f"{found.folder / CONFIG}: verification_threshold: expected a number, "
                f"got {threshold!r}"
            )
        return cls(speaker, found.config["sample_rate"], place, threshold=threshold)

    def cue(
        self,
        enrollment: Signal | SpeakerCue | Sequence[Signal | SpeakerCue],
        sample_rate: int,
        *,
        where: str = "enrollment",
    ) -> SpeakerCue:
        """What the recordings of one speaker say; compute it once for many mixtures.

        Args:
            enrollment: One recording or several, whose cues are averaged. What is a cue already is
                taken as it is.
            sample_rate: Of the recordings, in Hz.
            where: What to call the recording in messages, say its path.

        Raises:
            AudioError: If a recording is too short or has NaN in it.
            SilentSignalError: If a recording is silent.
            ShapeError: If a recording is not (samples,).

        Warns:
            ShortEnrollmentWarning: If a recording is shorter than a second.
        """
        if not isinstance(enrollment, Sequence):
            return self._cue(enrollment, sample_rate, where, warn=True)
        if not enrollment:
            raise AudioError(f"{where}: expected at least one recording, got an empty list")
        return _mean(
            [
                self._cue(one, sample_rate, f"{where} {number}", warn=True)
                for number, one in enumerate(enrollment, start=1)
            ]
        )

    def embed(self, speech: Signal, sample_rate: int, *, where: str = "speech") -> np.ndarray:
        """The embedding (dim,) of one recording, float32; not normalised.

        Raises:
            AudioError: If it is too short, silent, or has NaN in it.
            ShapeError: If it is not (samples,).

        Warns:
            ShortEnrollmentWarning: If it is shorter than a second.
        """
        return self.cue(speech, sample_rate, where=where).embedding[0].float().cpu().numpy()

    def similarity(
        self, first: Signal | SpeakerCue, second: Signal | SpeakerCue, sample_rate: int
    ) -> float:
        """How alike two voices are: the cosine of the angle between their embeddings, -1 to 1.

        Raises:
            AudioError: If one of them is too short, silent, or has NaN in it.
            ShapeError: If one of them is not (samples,).
        """
        a, b = (
            self._cue(one, sample_rate, where, warn=False).embedding[0].float()
            for one, where in ((first, "first"), (second, "second"))
        )
        return float(torch.nn.functional.cosine_similarity(a, b, dim=0))

    @torch.no_grad()
    def _cue(
        self, speech: Signal | SpeakerCue, sample_rate: int, where: str, *, warn: bool
    ) -> SpeakerCue:
        if isinstance(speech, SpeakerCue):
            return speech
        samples = to_mono(speech, sample_rate, where, self._min_seconds)
        if warn:
            warn_if_short(samples, sample_rate, where)
        samples = resample(samples, sample_rate, self.sample_rate)
        num_pieces = math.ceil(len(samples) / (PIECE_SECONDS * self.sample_rate))
        return _mean(
            [
                self._speaker.cue(torch.from_numpy(piece)[None].to(self.device))
                for piece in np.array_split(samples, num_pieces)
            ]
        )


def load_encoder(
    name_or_path: str | Path | None = None,
    device: str | torch.device = "auto",
    *,
    trust_code: bool = False,
) -> Embedder:
    """A speaker encoder, ready to use.

    Args:
        name_or_path: A model folder, an experiment folder, or a file inside; None is the bundled
            one.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.
        trust_code: Import what a model names of code from outside this package (`module:Class`).

    Raises:
        ModelFileError: If it is no model.
        ConfigError: If there is no such device.

    Example:
        >>> encoder = load_encoder()  # doctest: +SKIP
        >>> embedding = encoder.embed(speech, sample_rate=16000)  # doctest: +SKIP
    """
    return Embedder.load(name_or_path, device, trust_code=trust_code)


def _mean(cues: Sequence[SpeakerCue]) -> SpeakerCue:
    """One cue for several of one speaker: embeddings averaged, frames one after another."""
    if len(cues) == 1:
        return cues[0]
    embedding = torch.stack([cue.embedding for cue in cues]).mean(0)
    frames = [cue.frames for cue in cues if cue.frames is not None]
    return SpeakerCue(embedding, torch.cat(frames, dim=-1) if frames else None)
