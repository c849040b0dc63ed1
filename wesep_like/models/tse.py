"""How the parts of an extraction model fit: speaker module, separator and fusions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.errors import ConfigError
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions import Fusion
from wesep_like.models.separators import Separator
from wesep_like.models.separators.streams import Stream
from wesep_like.models.speakers import SpeakerModule
from wesep_like.models.speakers.base import FbankEncoder, cue_of_each
from wesep_like.models.tf_map import TFMap

PartName = Literal["speaker", "separator", "fusions"]
PARTS: tuple[PartName, ...] = get_args(PartName)
FusionAxis = Literal["channels", "frequency"]


@dataclass(frozen=True)
class TSEOutput:
    """What a model returns.

    Attributes:
        estimates: (batch, estimates, samples); [:, 0] is the answer.
        cue: What was said about the speaker.
    """

    estimates: Tensor
    cue: SpeakerCue


class TSEModel(nn.Module):
    """Target-speaker extraction: a separator steered by a speaker module through fusions.

    Args:
        speaker: Turns the enrollment into a cue.
        separator: Takes the mixture apart.
        fusions: A fusion for each number of a block where it stands; one that stands at several
            is shared by them.
        sample_rate: Hz.
        fuse_axis: What a fusion takes for channels: the channels, or the frequencies, which are
            then steered alike in every channel.
        tf_map: Makes a picture of mixture and enrollment for the separator to look at.

    Attributes:
        hears_frames: Whether a fusion asks for the frames of the cue.
    """

    def __init__(
        self,
        speaker: SpeakerModule,
        separator: Separator,
        fusions: Mapping[int, Fusion],
        sample_rate: int,
        fuse_axis: FusionAxis = "channels",
        tf_map: TFMap | None = None,
    ) -> None:
        super().__init__()
        self.speaker = speaker
        self.separator = separator
        # Each fusion once, under the number of the first block that it stands at.
        names: dict[Fusion, str] = {}
        for number, fusion in sorted(fusions.items()):
            names.setdefault(fusion, str(number))
        self.fusions = nn.ModuleDict({name: fusion for fusion, name in names.items()})
        self._fusion_at = {number: names[fusion] for number, fusion in fusions.items()}
        self.sample_rate = sample_rate
        self.fuse_axis = fuse_axis
        self.tf_map = tf_map
        self.hears_frames = any(
            isinstance(module, Fusion) and module.hears_frames for module in self.fusions.modules()
        )
        self._frozen: set[str] = set()
        if speaker.is_fixed:
            self.freeze(["speaker"])

    def freeze(self, parts: Collection[PartName]) -> None:
        """Weights and statistics of `parts` stay as they are from now on, in training too."""
        self._frozen |= set(parts)
        for part in parts:
            self.get_submodule(part).requires_grad_(False)
        self.train(self.training)

    @property
    def min_enrollment_samples(self) -> int:
        """The shortest enrollment that it can take."""
        heard = [self.speaker.min_samples]
        return max(heard if self.tf_map is None else [*heard, self.separator.min_samples])

    @property
    def is_speaker_frozen(self) -> bool:
        """Whether an enrollment always gives the same cue."""
        heard_through = {"speaker", "separator"} if self.speaker.shares_separator else {"speaker"}
        return heard_through <= self._frozen

    def train(self, mode: bool = True) -> TSEModel:
        """Sets training mode, but never for a frozen part: its BatchNorm must not learn either."""
        super().train(mode)
        for part in self._frozen:
            self.get_submodule(part).eval()
        return self

    @property
    def takes_masks(self) -> bool:
        """Whether its speaker module computes features that masks can be laid over."""
        return isinstance(self.speaker, FbankEncoder)

    def cue(
        self,
        enrollment: Tensor,
        enrollment_samples: Tensor | None = None,
        masks: FeatureMasks | None = None,
    ) -> SpeakerCue:
        """What `enrollment` (batch, samples) says about the speakers; padding is not heard.

        Args:
            enrollment: (batch, samples).
            enrollment_samples: Length of each, (batch,); None where all are whole.
            masks: What the speaker module does not hear of its features, if it `takes_masks`.
        """
        assert masks is None or self.takes_masks
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_speaker_frozen):
            return cue_of_each(
                self._heard, enrollment, enrollment_samples, masks, is_learnt=self.speaker.training
            )

    def _heard(self, enrollment: Tensor, masks: FeatureMasks | None) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples), with what this model asks for and no more."""
        cue = self.speaker(enrollment) if masks is None else self.speaker(enrollment, masks)
        if self.tf_map is not None:
            cue = self.tf_map.told(cue, enrollment, masks)
        if not self.hears_frames:
            return replace(cue, frames=None, levels=None)
        # Where the encoder is heard in step with the spectrum, what is attended to is that.
        return cue if cue.keys is None else replace(cue, frames=cue.keys)

    def estimates(self, mixture: Tensor, cue: SpeakerCue) -> Tensor:
        """All estimates (batch, estimates, samples) for `mixture` (batch, samples)."""
        maps = None if self.tf_map is None else self.tf_map(mixture, cue)
        return self.separator(mixture, partial(self._steer, cue), maps)

    def stream(self, cue: SpeakerCue) -> Stream:
        """A mixture in pieces, out of which comes the voice that `cue` tells of.

        Raises:
            ConfigError: If the separator or the TF-map hears what comes later.
        """
        if self.tf_map is not None:
            raise ConfigError("tf_map: hears the whole mixture. A model that streams has none")
        return self.separator.stream(partial(self._steer, cue))

    def _steer(self, cue: SpeakerCue, number: int, features: Tensor) -> Tensor:
        """Features at block `number`, fused with the cue if a fusion stands there."""
        if number not in self._fusion_at:
            return features
        fusion, told = self.fusions[self._fusion_at[number]], cue.at(number)
        if self.fuse_axis == "channels":
            return fusion(features, told)
        return fusion(features.transpose(1, 2), told).transpose(1, 2)

    def extract(self, mixture: Tensor, cue: SpeakerCue) -> Tensor:
        """The voice (batch, samples) that `cue` tells of, out of `mixture` (batch, samples)."""
        return self.estimates(mixture, cue)[:, 0]

    def forward(
        self, mixture: Tensor, enrollment: Tensor, enrollment_samples: Tensor | None = None
    ) -> TSEOutput:
        """Mixture (batch, samples), enrollment (batch, enroll_samples) -> estimates and cue."""
        cue = self.cue(enrollment, enrollment_samples)
        return TSEOutput(self.estimates(mixture, cue), cue)
