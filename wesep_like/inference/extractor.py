"""A mixture and an enrollment in, the enrolled speaker's voice out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio.resample import resample
from wesep_like.audio.units import to_samples
from wesep_like.errors import ModelFileError
from wesep_like.inference.chunks import overlap_add
from wesep_like.inference.cue_file import fingerprint, read_cue, write_cue
from wesep_like.inference.device import find_device
from wesep_like.inference.embedder import Embedder
from wesep_like.inference.listener import Listener, Signal
from wesep_like.inference.models import find_model
from wesep_like.inference.signals import MIN_SECONDS, fit_length, to_mono
from wesep_like.inference.streaming import ExtractionStream
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.tse import TSEModel

SignalT = TypeVar("SignalT", np.ndarray, Tensor)

# Longer mixtures are worked through in chunks of this length that overlap by this much.
CHUNK_SECONDS = 30.0
OVERLAP_SECONDS = 5.0
# What of an enrollment is heard, if the caller does not say.
ENROLLMENT_VAD = "energy"
ENROLLMENT_SECONDS = 60.0


class Extractor:
    """An extraction model with the handling of audio around it.

    Args:
        model: From a model file or training.
        device: `auto`, `cpu`, `cuda`, or a torch device.
        vad: How the silence in an enrollment is found, which is cut away: `energy`, `silero` (of
            the package `silero-vad`), or `none` for hearing it too.
        max_seconds: So much of an enrollment is heard, from the start of its speech on; None for
            all of it.
        keeps_level: Whether estimates stay as loud as the model makes them; see `extract`.

    Raises:
        ConfigError: If there is no such device or `vad`, or `max_seconds` is too short.
        MissingPackageError: If `silero-vad` is needed and not installed.
    """

    def __init__(
        self,
        model: TSEModel,
        device: str | torch.device = "auto",
        *,
        vad: str = ENROLLMENT_VAD,
        max_seconds: float | None = ENROLLMENT_SECONDS,
        keeps_level: bool = False,
    ) -> None:
        self.device = find_device(device)
        self.sample_rate: int = model.sample_rate
        self.keeps_level = keeps_level
        self._model = model.to(self.device).eval()
        self._min_seconds = max(MIN_SECONDS, model.separator.min_samples / self.sample_rate)
        self._listener = Listener(
            model.cue,
            self.sample_rate,
            model.min_enrollment_samples,
            self.device,
            vad=vad,
            max_seconds=max_seconds,
        )
        # Tells voices apart; None if the speaker module gives no embedding.
        self._embedder = (
            None
            if model.speaker.embed_dim is None
            else Embedder(model.speaker, self.sample_rate, self.device)
        )

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        device: str | torch.device = "auto",
        *,
        trust_code: bool = False,
        vad: str = ENROLLMENT_VAD,
        max_seconds: float | None = ENROLLMENT_SECONDS,
    ) -> Extractor:
        """The model of a folder.

        Args:
            model: A model folder, an experiment folder, or a file inside; or a folder that WeSep
                published. None is the bundled model.
            device: `auto` (a GPU if there is one), `cpu`, `cuda`, or a torch device.
            trust_code: See `load_model`.
            vad: See `Extractor`.
            max_seconds: See `Extractor`.

        Raises:
            ModelFileError: If it is no extraction model.
            ConfigError: As `Extractor`.
            MissingPackageError: As `Extractor`.
        """
        place = find_device(device)
        found = find_model(model, trust_code=trust_code)
        if not isinstance(found.model, TSEModel):
            raise ModelFileError(
                f"{found.place}: is a speaker encoder, which extracts nothing. Name an extraction "
                "model; an encoder is for embed, verify and score"
            )
        return cls(
            found.model,
            place,
            vad=vad,
            max_seconds=max_seconds,
            keeps_level=_knows_silence(found.config),
        )

    def cue(
        self,
        enrollment: Signal | SpeakerCue | Sequence[Signal | SpeakerCue],
        sample_rate: int,
        *,
        where: str = "enrollment",
    ) -> SpeakerCue:
        """What the enrollment says about its speaker; see `Embedder.cue`."""
        return self._listener.cue(enrollment, sample_rate, where=where)

    def save_cue(self, path: str | Path, cue: SpeakerCue) -> None:
        """Writes a cue to a file, for this model only.

        Raises:
            OutputError: If the file cannot be written.
        """
        write_cue(path, cue, self._fingerprint)

    def load_cue(self, path: str | Path) -> SpeakerCue:
        """The cue in a file that `save_cue` wrote.

        Raises:
            ModelFileError: If it is no such file, or of another model.
        """
        return read_cue(path, self._fingerprint, self.device)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self._model)

    def similarity(
        self, first: Signal | SpeakerCue, second: Signal | SpeakerCue, sample_rate: int
    ) -> float:
        """How alike two voices are to the model's own speaker module; see `Embedder.similarity`.

        Raises:
            ModelFileError: If it gives no embedding (see `has_embedding`).
        """
        if self._embedder is None:
            raise ModelFileError("model: its speaker module gives no embedding to compare")
        return self._embedder.similarity(first, second, sample_rate)

    @property
    def has_embedding(self) -> bool:
        """Whether the model's speaker module can tell how alike voices are."""
        return self._embedder is not None

    @torch.no_grad()
    def extract(
        self,
        mixture: SignalT,
        enrollment: Signal | SpeakerCue | Sequence[Signal | SpeakerCue],
        sample_rate: int,
        *,
        where: str = "mixture",
        progress: Callable[[int, int], None] | None = None,
    ) -> SignalT:
        """The enrolled speaker's voice in the mixture; the same every time.

        A model trained on SI-SDR returns its estimate at any level. It is scaled here to the part
        of the mixture that it explains: the mixture projected on it, by least squares. So the voice
        has the level that it has in the mixture. Not so if the model was trained with absent
        targets: what it makes silent stays silent.

        Args:
            mixture: (samples,) in [-1, 1].
            enrollment: One recording of the speaker or several (their cues are averaged), or the
                result of `cue`.
            sample_rate: Of the mixture and of the enrollment, in Hz; any. The result has nothing
                above half the model's own rate.
            where: What to call the mixture in messages, say its path.
            progress: Told (samples done, all samples) as a long mixture proceeds.

        Returns:
            As the mixture: NumPy or tensor, (samples,), its dtype, its device.

        Raises:
            AudioError: If a signal is too short or has NaN in it.
            SilentSignalError: If a signal is silent.
            ShapeError: If a signal is not (samples,).

        Warns:
            ShortEnrollmentWarning: If there is less than a second of enrollment.
        """
        checked = to_mono(mixture, sample_rate, where, self._min_seconds)
        cue = self.cue(enrollment, sample_rate)
        samples = torch.from_numpy(resample(checked, sample_rate, self.sample_rate))
        estimate = overlap_add(
            lambda chunk: self._model.extract(chunk[None].to(self.device), cue)[0].float(),
            samples,
            to_samples(CHUNK_SECONDS, self.sample_rate),
            to_samples(OVERLAP_SECONDS, self.sample_rate),
            progress,
        )
        if not self.keeps_level:
            estimate = _to_level(estimate, samples)
        result = resample(estimate.numpy(), self.sample_rate, sample_rate)
        result = fit_length(result, len(checked))
        if isinstance(mixture, Tensor):
            return torch.from_numpy(result).to(mixture)
        return result.astype(mixture.dtype, copy=False)

    def stream(
        self,
        enrollment: Signal | SpeakerCue | Sequence[Signal | SpeakerCue],
        sample_rate: int,
    ) -> ExtractionStream:
        """Extraction from a mixture in pieces, at the model's own sample rate; for causal models.

        Args:
            enrollment: As for `extract`.
            sample_rate: Of the enrollment, in Hz.

        Raises:
            ConfigError: If the model is not causal.
            AudioError: As for `extract`.

        Example:
            >>> stream = extractor.stream(enrollment, 16000)  # doctest: +SKIP
            >>> for piece in microphone:  # doctest: +SKIP
            ...     play(stream.push(piece))
            >>> play(stream.finish())  # doctest: +SKIP
        """
        cue = self.cue(enrollment, sample_rate)
        return ExtractionStream(self._model.stream(cue), self.device)


def load_model(
    name_or_path: str | Path | None = None,
    device: str | torch.device = "auto",
    *,
    trust_code: bool = False,
    vad: str = ENROLLMENT_VAD,
    max_seconds: float | None = ENROLLMENT_SECONDS,
) -> Extractor:
    """An extraction model, ready to use.

    Args:
        name_or_path: A model folder, an experiment folder, or a file inside; None is the bundled
            model.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.
        trust_code: Import what a model names of code from outside this package (`module:Class`).
        vad: How the silence in enrollments is found; see `Extractor`.
        max_seconds: How much of each enrollment is heard.

    Raises:
        ModelFileError: If it is no extraction model.
        ConfigError: As `Extractor`.
        MissingPackageError: As `Extractor`.

    Example:
        >>> extractor = load_model()  # doctest: +SKIP
        >>> target = extractor.extract(mixture, enrollment, sample_rate=16000)  # doctest: +SKIP
    """
    return Extractor.load(
        name_or_path, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds
    )


def _knows_silence(config: Mapping[str, Any]) -> bool:
    """Whether a model's config tells of training with absent targets."""
    section: Any = config
    for key in ("data", "train", "absent_probability"):
        section = section.get(key) if isinstance(section, Mapping) else None
    return isinstance(section, (int, float)) and section > 0


def _to_level(estimate: Tensor, mixture: Tensor) -> Tensor:
    """The projection of the mixture on the estimate; an estimate of zeros stays."""
    energy = estimate @ estimate
    return estimate if energy == 0 else estimate * ((mixture @ estimate) / energy)
