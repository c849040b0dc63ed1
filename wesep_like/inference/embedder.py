"""Enrollment or any other speech in, what it says about the speaker out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wesep_like.errors import ModelFileError
from wesep_like.inference.device import find_device
from wesep_like.inference.listener import Listener, Signal
from wesep_like.inference.models import find_model
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.model_file import CONFIG
from wesep_like.models.speakers.base import SpeakerModule
from wesep_like.models.tse import TSEModel


class Embedder:
    """A speaker module with the handling of audio around it.

    Its `identity` says in a line what it makes embeddings of and how: the encoder, then what it
    hears of a recording. It is empty if the encoder has no name.

    Args:
        speaker: From a model file or training.
        sample_rate: The one it works at, in Hz.
        device: `auto`, `cpu`, `cuda`, or a torch device.
        threshold: The similarity from which on two voices are taken for one; None if not known.
        where: What to call it in messages.
        name: Of the encoder, for `identity`; the same only for what computes the same.
        vad: How the silence in a recording is found, which is cut away: `energy`, `silero` (of the
            package `silero-vad`), or `none` for hearing it too, as published encoders are tested.
        max_seconds: So much of a recording is heard, from its start or that of its speech; None for
            all of it.

    Raises:
        ConfigError: If there is no such device or `vad`, or `max_seconds` is too short.
        ModelFileError: If the speaker module gives no embedding.
        MissingPackageError: If `silero-vad` is needed and not installed.
    """

    def __init__(
        self,
        speaker: SpeakerModule,
        sample_rate: int,
        device: str | torch.device = "auto",
        *,
        threshold: float | None = None,
        where: str = "model",
        name: str = "",
        vad: str = "none",
        max_seconds: float | None = None,
    ) -> None:
        if speaker.embed_dim is None:
            raise ModelFileError(
                f"{where}: its speaker module gives no embedding to know a voice by. "
                "Name a speaker encoder, or a model that has one"
            )
        self.device = find_device(device)
        self.sample_rate = sample_rate
        self.threshold = threshold
        heard = "all" if max_seconds is None else f"{max_seconds:g}"
        self.identity = f"{name} vad={vad} max_seconds={heard}" if name else ""
        self.speaker = speaker.to(self.device).eval()
        self._listener = Listener(
            self.speaker.cue,
            sample_rate,
            self.speaker.min_samples,
            self.device,
            vad=vad,
            max_seconds=max_seconds,
        )

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        device: str | torch.device = "auto",
        *,
        trust_code: bool = False,
        vad: str = "none",
        max_seconds: float | None = None,
    ) -> Embedder:
        """The encoder of a model folder; for an extraction model, its speaker module.

        Its threshold is what the model's config says under the key `verification_threshold`.

        Args:
            model: As for `Extractor.load`; None is the bundled model. Or an encoder that WeSpeaker
                exported (.onnx).
            device: `auto`, `cpu`, `cuda`, or a torch device.
            trust_code: See `load_encoder`.
            vad: See `Embedder`.
            max_seconds: See `Embedder`.

        Raises:
            ModelFileError: If it is no model.
            ConfigError: As `Embedder`.
            MissingPackageError: As `Embedder`, or if an ONNX file needs `onnxruntime`.
        """
        place = find_device(device)
        found = find_model(model, trust_code=trust_code)
        speaker = found.model.speaker if isinstance(found.model, TSEModel) else found.model
        threshold = found.config.get("verification_threshold")
        if threshold is not None and type(threshold) not in (int, float):
            raise ModelFileError(
                f"{found.place / CONFIG}: verification_threshold: expected a number, "
                f"got {threshold!r}"
            )
        return cls(
            speaker,
            found.config["sample_rate"],
            place,
            threshold=threshold,
            where=str(found.place),
            name=found.digest(),
            vad=vad,
            max_seconds=max_seconds,
        )

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
            AudioError: If a recording is too short, has NaN in it, or no speech (see `vad`).
            SilentSignalError: If a recording is silent.
            ShapeError: If a recording is not (samples,).

        Warns:
            ShortEnrollmentWarning: If a recording is shorter than a second.
        """
        return self._listener.cue(enrollment, sample_rate, where=where)

    def embed(self, speech: Signal, sample_rate: int, *, where: str = "speech") -> np.ndarray:
        """The embedding (dim,) of one recording, float32; not normalised.

        Raises:
            AudioError: If it is too short, silent, or has NaN in it.
            ShapeError: If it is not (samples,).

        Warns:
            ShortEnrollmentWarning: If it is shorter than a second.
        """
        embedding = self.cue(speech, sample_rate, where=where).embedding
        assert embedding is not None
        return embedding[0].float().cpu().numpy()

    def similarity(
        self, first: Signal | SpeakerCue, second: Signal | SpeakerCue, sample_rate: int
    ) -> float:
        """How alike two voices are: the cosine of the angle between their embeddings, -1 to 1.

        Raises:
            AudioError: If one of them is too short, silent, or has NaN in it.
            ShapeError: If one of them is not (samples,).
        """
        units = []
        for one, where in ((first, "first"), (second, "second")):
            cue = self._listener.cue_of_one(one, sample_rate, where, warn=False)
            assert cue.embedding is not None
            units.append(torch.nn.functional.normalize(cue.embedding[0].float(), dim=0))
        return float(units[0] @ units[1])


def load_encoder(
    name_or_path: str | Path | None = None,
    device: str | torch.device = "auto",
    *,
    trust_code: bool = False,
    vad: str = "none",
    max_seconds: float | None = None,
) -> Embedder:
    """A speaker encoder, ready to use.

    Args:
        name_or_path: A model folder, an experiment folder, or a file inside; a folder that
            WeSpeaker published, or an encoder that it exported (.onnx). None is the bundled one.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.
        trust_code: Import what a model names of code from outside this package (`module:Class`).
        vad: How the silence in recordings is found, if they are to be heard without; see
            `Embedder`.
        max_seconds: How much of each recording is heard.

    Raises:
        ModelFileError: If it is no model.
        ConfigError: As `Embedder`.
        MissingPackageError: As `Embedder`, or if an ONNX file needs `onnxruntime`.

    Example:
        >>> encoder = load_encoder()  # doctest: +SKIP
        >>> embedding = encoder.embed(speech, sample_rate=16000)  # doctest: +SKIP
    """
    return Embedder.load(
        name_or_path, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds
    )
