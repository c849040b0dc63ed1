"""The enrollment's spectrum, rearranged to look like the mixture's: a map of where the voice is."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.audio.precision import full_precision
from wesep_like.audio.stft import STFT
from wesep_like.errors import ConfigError
from wesep_like.models.cue import CueFrames, SpeakerCue
from wesep_like.models.speakers.base import FbankEncoder, SpeakerModule

TFMapName = Literal["magnitudes", "frames"]

_LEAST = 1e-8  # a norm, below which there is silence


class TFMap(nn.Module):
    """Each frame of the mixture finds the frames of the enrollment that are like it.

    It attends to them, and the magnitudes found, with the energy that they explain of the mixture,
    are a picture for the separator to look at. Nothing is learnt.

    Args:
        stft: The separator's.
        name: By what frames are alike: by their `magnitudes`, or by the `frames` that the speaker
            module makes of both.
        speaker: The speaker module.

    Raises:
        ConfigError: If the speaker module gives no frames in step with the STFT.

    Source:
        The features `tfmap_spec` and `tfmap_emb` of WeSep's BSRNN_Feats. Deviation: silence stays
        silence.
    """

    def __init__(self, stft: STFT, name: TFMapName, speaker: SpeakerModule) -> None:
        super().__init__()
        self._half_window = stft.win_samples // 2
        # Methods, and no submodules, of which there would be two each.
        self._spectrum = stft.forward
        self._encode = None
        if name == "frames":
            if (
                not isinstance(speaker, FbankEncoder)
                or speaker.frame_dim is None
                or speaker.frame_step != 1
            ):
                raise ConfigError(
                    "tf_map: 'frames' wants a speaker module that keeps the frames of its features "
                    "apart, as ecapa_tdnn does. Expected 'magnitudes'"
                )
            self._encode = speaker.encode
            self.fbank = speaker.fbank_in_step(stft.win_samples, stft.hop_samples)

    def told(
        self, cue: SpeakerCue, enrollment: Tensor, masks: FeatureMasks | None = None
    ) -> SpeakerCue:
        """`cue`, and with it what a map is made of `enrollment` (batch, samples).

        Masks hide something of the speaker module's features, and nothing of the spectrum.
        """
        magnitudes = CueFrames(self._spectrum(enrollment).abs())
        if self._encode is None:
            return replace(cue, magnitudes=magnitudes)
        return replace(cue, magnitudes=magnitudes, keys=CueFrames(self._frames(enrollment, masks)))

    def forward(self, mixture: Tensor, cue: SpeakerCue) -> Tensor:
        """The map (batch, 1, bins, frames) of `mixture` (batch, samples)."""
        assert cue.magnitudes is not None
        queries = None if cue.keys is None else self._frames(mixture)
        with full_precision(mixture.device):
            magnitudes, heard = self._spectrum(mixture).abs(), cue.magnitudes.values
            if queries is None or cue.keys is None:
                heard = _unit(heard)
                alike = _unit(magnitudes).transpose(1, 2) @ heard  # (batch, frames, cue_frames)
            else:
                alike = _unit(queries).transpose(1, 2) @ _unit(cue.keys.values)
            padding = cue.magnitudes.padding()
            if padding is not None:
                alike = alike.masked_fill(padding[:, None], -torch.inf)
            shape = _unit(heard @ alike.softmax(dim=-1).transpose(1, 2))
            # As much of it as explains the most of the mixture's frame.
            return (shape * (shape * magnitudes).sum(dim=1, keepdim=True)).unsqueeze(1)

    def _frames(self, samples: Tensor, masks: FeatureMasks | None = None) -> Tensor:
        """The encoder's frames, one for each of the STFT's: (batch, channels, frames)."""
        assert self._encode is not None
        around = (self._half_window, self._half_window)
        padded = F.pad(samples[:, None], around, mode="reflect")[:, 0]
        with torch.no_grad():
            features = self.fbank(padded)
        if masks is not None:
            features = masks.laid_over(features)
        frames = self._encode(features).frames
        assert frames is not None
        return frames.values


def _unit(frames: Tensor) -> Tensor:
    """Each frame of (batch, channels, frames) with length one."""
    return F.normalize(frames.float(), dim=1, eps=_LEAST)
