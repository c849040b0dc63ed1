"""How the parts of an extraction model fit: speaker module, separator and fusions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from wesep_like.config.sections import Problems, read_section
from wesep_like.errors import ConfigError
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.fusions import FUSIONS, Fusion
from wesep_like.models.separators import SEPARATORS, Separator
from wesep_like.models.separators.streams import Stream
from wesep_like.models.speakers import SPEAKERS, SpeakerModule

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
    """

    def __init__(
        self,
        speaker: SpeakerModule,
        separator: Separator,
        fusions: Mapping[int, Fusion],
        sample_rate: int,
        fuse_axis: FusionAxis = "channels",
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
        self._frozen: set[str] = set()

    def freeze(self, parts: Collection[PartName]) -> None:
        """Weights and statistics of `parts` stay as they are from now on, in training too."""
        self._frozen |= set(parts)
        for part in parts:
            self.get_submodule(part).requires_grad_(False)
        self.train(self.training)

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

    def cue(self, enrollment: Tensor, enrollment_samples: Tensor | None = None) -> SpeakerCue:
        """What `enrollment` (batch, samples) says about the speakers; padding is not heard."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_speaker_frozen):
            return self.speaker.cue(enrollment, enrollment_samples)

    def estimates(self, mixture: Tensor, cue: SpeakerCue) -> Tensor:
        """All estimates (batch, estimates, samples) for `mixture` (batch, samples)."""
        return self.separator(mixture, partial(self._steer, cue))

    def stream(self, cue: SpeakerCue) -> Stream:
        """A mixture in pieces, out of which comes the voice that `cue` tells of.

        Raises:
            ConfigError: If the separator hears what comes later.
        """
        return self.separator.stream(partial(self._steer, cue))

    def _steer(self, cue: SpeakerCue, number: int, features: Tensor) -> Tensor:
        """Features at block `number`, fused with the cue if a fusion stands there."""
        if number not in self._fusion_at:
            return features
        fusion = self.fusions[self._fusion_at[number]]
        if self.fuse_axis == "channels":
            return fusion(features, cue)
        return fusion(features.transpose(1, 2), cue).transpose(1, 2)

    def extract(self, mixture: Tensor, cue: SpeakerCue) -> Tensor:
        """The voice (batch, samples) that `cue` tells of, out of `mixture` (batch, samples)."""
        return self.estimates(mixture, cue)[:, 0]

    def forward(
        self, mixture: Tensor, enrollment: Tensor, enrollment_samples: Tensor | None = None
    ) -> TSEOutput:
        """Mixture (batch, samples), enrollment (batch, enroll_samples) -> estimates and cue."""
        cue = self.cue(enrollment, enrollment_samples)
        return TSEOutput(self.estimates(mixture, cue), cue)


def build_tse(
    section: Mapping[str, Any], sample_rate: int, *, where: str = "model", trust_code: bool = False
) -> TSEModel:
    """The model that the config section `model` describes.

    Args:
        section: `separator`, `speaker`, `fusion`; `fuse_before`: `first`, `every` or block
            numbers; `fuse_axis`: `channels` or `frequency`; `fuse_shared`: whether one fusion
            stands at all of these blocks, or each has its own.
        sample_rate: Hz.
        where: Path of the section, for messages.
        trust_code: Import classes that the config names by `module:Class`.

    Raises:
        ConfigError: With everything that is wrong.
    """
    problems = Problems()
    fused = _TSESection({}, {}, {})
    with problems.collecting():
        fused = read_section(_TSESection, section, where)
    # A wrong separator must not hide what is wrong with the speaker module: what could not be built
    # leaves these sizes in place, and nothing is returned then.
    num_blocks, embed_dim = 1, 1
    dims: Sequence[int] = (1,)
    build: dict[str, Any] = {"sample_rate": sample_rate, "trust_code": trust_code}
    with problems.collecting():
        separator = SEPARATORS.build(section.get("separator", {}), f"{where}.separator", **build)
        num_blocks, dims = len(separator.blocks), separator.feature_dims
        build["separator"] = separator  # for a speaker module that shares its encoder
        if fused.fuse_axis == "frequency":
            dims = separator.frequency_dims or dims
            if not separator.frequency_dims:
                problems.add(
                    f"{where}.fuse_axis: {section['separator']['name']!r} has no frequency axis. "
                    "Expected 'channels'"
                )
    with problems.collecting():
        speaker = SPEAKERS.build(section.get("speaker", {}), f"{where}.speaker", **build)
        embed_dim = speaker.embed_dim
    numbers = []
    with problems.collecting():
        numbers = _fusion_places(section.get("fuse_before", "first"), num_blocks, where)
    fusions: dict[int, Fusion] = {}
    with problems.collecting():
        for number in numbers or [0]:
            if fusions and fused.fuse_shared:
                fusions[number] = fusions[numbers[0]]
                continue
            fusions[number] = FUSIONS.build(
                section.get("fusion", {}),
                f"{where}.fusion",
                trust_code=trust_code,
                feature_dim=dims[number],
                embed_dim=embed_dim,
            )
    with problems.collecting():
        if fused.fuse_shared and len({dims[number] for number in fusions}) > 1:
            raise ConfigError(
                f"{where}.fuse_shared: the blocks have features of different widths "
                f"({', '.join(str(dims[number]) for number in fusions)}). Expected false"
            )
    problems.raise_if_any()
    return TSEModel(speaker, separator, fusions, sample_rate, fused.fuse_axis)


def resolved_tse(section: Mapping[str, Any], *, where: str = "model") -> dict[str, Any]:
    """A section that `build_tse` takes, with each default written out.

    Raises:
        ConfigError: If a part is wrong.
    """
    return {
        "separator": SEPARATORS.resolved(section["separator"], f"{where}.separator"),
        "speaker": SPEAKERS.resolved(section["speaker"], f"{where}.speaker"),
        "fusion": FUSIONS.resolved(section["fusion"], f"{where}.fusion"),
        "fuse_before": section.get("fuse_before", _TSESection.fuse_before),
        "fuse_axis": section.get("fuse_axis", _TSESection.fuse_axis),
        "fuse_shared": section.get("fuse_shared", _TSESection.fuse_shared),
    }


def build_speaker(
    section: Mapping[str, Any], sample_rate: int, *, where: str = "model", trust_code: bool = False
) -> SpeakerModule:
    """The speaker module that the section `model` of a plain verification config describes.

    Raises:
        ConfigError: With everything that is wrong.
    """
    problems = Problems()
    with problems.collecting():
        read_section(_SpeakerSection, section, where)
    with problems.collecting():
        speaker = SPEAKERS.build(
            section.get("speaker", {}),
            f"{where}.speaker",
            trust_code=trust_code,
            sample_rate=sample_rate,
        )
    problems.raise_if_any()
    return speaker


@dataclass(frozen=True)
class _SpeakerSection:
    speaker: dict[str, Any]


@dataclass(frozen=True)
class _TSESection(_SpeakerSection):
    separator: dict[str, Any]
    fusion: dict[str, Any]
    fuse_before: str | list[int] = "first"
    fuse_axis: FusionAxis = "channels"
    fuse_shared: bool = False


def _fusion_places(wanted: str | Sequence[int], num_blocks: int, where: str) -> list[int]:
    """The numbers of the blocks that a fusion stands before."""
    if wanted == "first":
        return [0]
    if wanted == "every":
        return list(range(num_blocks))
    is_numbers = not isinstance(wanted, str) and len(set(wanted)) == len(wanted) > 0
    if not is_numbers or not set(wanted) <= set(range(num_blocks)):
        raise ConfigError(
            f"{where}.fuse_before: expected 'first', 'every' or different block numbers below "
            f"{num_blocks}, got {wanted!r}"
        )
    return sorted(cast("Sequence[int]", wanted))
