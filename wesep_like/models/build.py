"""From the section `model` of a config to the model that it describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, cast

from torch import Tensor

from wesep_like.audio.stft import STFT
from wesep_like.config.sections import Problems, located, read_section
from wesep_like.errors import ConfigError
from wesep_like.models.fusions import FUSIONS, Fusion
from wesep_like.models.fusions.chain import Chain
from wesep_like.models.separators import SEPARATORS, Separator
from wesep_like.models.speakers import SPEAKERS, SpeakerModule
from wesep_like.models.speakers.silent import SilentModule
from wesep_like.models.tf_map import TFMap, TFMapName
from wesep_like.models.tse import FusionAxis, TSEModel


def build_tse(
    section: Mapping[str, Any],
    sample_rate: int,
    *,
    where: str = "model",
    trust_code: bool = False,
    graph: Tensor | None = None,
) -> TSEModel:
    """The model that the config section `model` describes.

    Args:
        section: `separator`; `speaker`, or null for none; `fusion`, or a list of those that stand
            behind one another, or null; `fuse_before`: `first`, `every` or block numbers;
            `fuse_axis`: `channels` or `frequency`; `fuse_shared`: whether one fusion stands at all
            of these blocks, or each has its own; `tf_map`: `magnitudes`, `frames` or null.
        sample_rate: Hz.
        where: Path of the section, for messages.
        trust_code: Import classes that the config names by `module:Class`.
        graph: Of a speaker module that is one, where a saved model has it; see `ONNXEncoder`.

    Raises:
        ConfigError: With everything that is wrong.
    """
    problems = Problems()
    fused = _TSESection({}, {}, {})
    with problems.collecting():
        fused = read_section(_TSESection, section, where)
    if section.get("fusion", {}) in (None, []) and section.get("tf_map") is None:
        problems.add(
            f"{where}.fusion: null, and tf_map too. Expected one that tells of the speaker"
        )
    # A wrong separator must not hide what is wrong with the speaker module: what could not be built
    # stays None, and nothing is returned then.
    separator: Separator | None = None
    speaker: SpeakerModule | None = None
    build: dict[str, Any] = {"sample_rate": sample_rate, "trust_code": trust_code}
    with problems.collecting():
        separator = SEPARATORS.build(
            section.get("separator", {}),
            f"{where}.separator",
            **build,
            num_maps=0 if fused.tf_map is None else 1,
        )
        build["separator"] = separator  # for a speaker module that shares its encoder
    with problems.collecting():
        if section.get("speaker", {}) is None:
            speaker = SilentModule()
        else:
            speaker = SPEAKERS.build(
                section.get("speaker", {}), f"{where}.speaker", **build, graph=graph
            )
    tf_map: TFMap | None = None
    if separator is not None and speaker is not None and fused.tf_map is not None:
        with problems.collecting(), located(where):
            tf_map = _build_tf_map(fused.tf_map, separator, section["separator"]["name"], speaker)
    numbers = []
    with problems.collecting():
        num_blocks = len(separator.blocks) if separator is not None else 1
        numbers = _fusion_places(section.get("fuse_before", "first"), num_blocks, where)
    with problems.collecting(), located(where):
        if separator is not None and speaker is not None:
            _check_axis(fused, separator, section["separator"]["name"], speaker, numbers)
    fusions: dict[int, Fusion] = {}
    fusion = section.get("fusion")
    if separator is None or speaker is None or not numbers:
        # Not knowing what there is to fuse, one can look at names and options only.
        problems.lines.extend(_fusion_problems(fusion, f"{where}.fusion", trust_code))
    elif fusion is not None:
        with problems.collecting():
            for number in numbers:
                if fusions and fused.fuse_shared:
                    fusions[number] = fusions[numbers[0]]
                    continue
                fusions[number] = _build_fusion(
                    fusion,
                    f"{where}.fusion",
                    trust_code,
                    section.get("speaker"),
                    **_sizes(separator, speaker, number, fused.fuse_axis),
                )
    problems.raise_if_any()
    assert separator is not None
    assert speaker is not None
    return TSEModel(speaker, separator, fusions, sample_rate, fused.fuse_axis, tf_map)


def _build_tf_map(
    name: TFMapName, separator: Separator, separator_name: str, speaker: SpeakerModule
) -> TFMap:
    if not separator.num_maps:
        raise ConfigError(
            f"tf_map: {separator_name!r} has no spectrum to put a map beside. Expected null, or a "
            "separator in the time-frequency domain"
        )
    stft = separator.get_submodule("stft")
    assert isinstance(stft, STFT)
    return TFMap(stft, name, speaker)


def _check_axis(
    fused: _TSESection,
    separator: Separator,
    separator_name: str,
    speaker: SpeakerModule,
    numbers: Sequence[int],
) -> None:
    if fused.fuse_axis == "frequency" and not separator.frequency_dims:
        raise ConfigError(
            f"fuse_axis: {separator_name!r} has no frequency axis. Expected 'channels'"
        )
    if fused.fuse_axis == "frequency" and speaker.frame_positions is not None:
        raise ConfigError(
            "fuse_axis: the frames of the speaker module have frequencies of their own. "
            "Expected 'channels'"
        )
    is_wide = fused.fuse_axis == "frequency"
    dims = separator.frequency_dims if is_wide else separator.feature_dims
    if fused.fuse_shared and len({dims[number] for number in numbers}) > 1:
        raise ConfigError(
            "fuse_shared: the blocks have features of different widths "
            f"({', '.join(str(dims[number]) for number in numbers)}). Expected false"
        )


def _sizes(
    separator: Separator, speaker: SpeakerModule, number: int, axis: FusionAxis
) -> dict[str, int | None]:
    """What a fusion before block `number` is told of."""
    frame_dim, frame_positions = speaker.frame_sizes(number)
    channels = separator.feature_dims[number]
    positions = separator.position_dims[number] if separator.position_dims else 1
    if axis == "frequency":
        channels, positions = positions, channels
        frame_positions = None  # where there are some, `_check_axis` has told
    return {
        "feature_dim": channels,
        "num_positions": positions,
        "embed_dim": speaker.embed_dim,
        "frame_dim": frame_dim,
        "frame_positions": frame_positions,
    }


def _fusion_problems(section: object, where: str, trust_code: bool) -> list[str]:
    """What is wrong with names and options; what is no section at all has been told elsewhere."""
    if isinstance(section, Mapping):
        return FUSIONS.problems(section, where, trust_code=trust_code)
    chain = section if isinstance(section, list) else []
    return [
        line
        for place, one in enumerate(chain)
        for line in FUSIONS.problems(one, f"{where}[{place}]", trust_code=trust_code)
    ]


def _build_fusion(
    section: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    where: str,
    trust_code: bool,
    speaker: Mapping[str, Any] | None,
    **sizes: int | None,
) -> Fusion:
    if not isinstance(section, Mapping):
        return Chain(
            _build_fusion(one, f"{where}[{place}]", trust_code, speaker, **sizes)
            for place, one in enumerate(section)
        )
    asked = FUSIONS.asks(section, where, trust_code=trust_code)
    for size, what in (("embed_dim", "an embedding"), ("frame_dim", "frames")):
        if size in asked and sizes[size] is None:
            whose = "null" if speaker is None else repr(speaker["name"])
            raise ConfigError(
                f"{where}.name: {section['name']!r} wants {what}, which the speaker module {whose} "
                "does not give. Expected another fusion or speaker module"
            )
    return FUSIONS.build(section, where, trust_code=trust_code, **sizes)


def resolved_tse(section: Mapping[str, Any], *, where: str = "model") -> dict[str, Any]:
    """A section that `build_tse` takes, with each default written out.

    Raises:
        ConfigError: If a part is wrong.
    """
    fusion, speaker = section["fusion"], section["speaker"]
    if isinstance(fusion, Mapping):
        fusion = FUSIONS.resolved(fusion, f"{where}.fusion")
    elif fusion is not None:
        fusion = [FUSIONS.resolved(one, f"{where}.fusion[{n}]") for n, one in enumerate(fusion)]
    defaults = {
        field.name: section.get(field.name, field.default)
        for field in fields(_TSESection)
        if field.default is not MISSING
    }
    return {
        "separator": SEPARATORS.resolved(section["separator"], f"{where}.separator"),
        "speaker": speaker and SPEAKERS.resolved(speaker, f"{where}.speaker"),
        "fusion": fusion,
        **defaults,
    }


def build_speaker(
    section: Mapping[str, Any],
    sample_rate: int,
    *,
    where: str = "model",
    trust_code: bool = False,
    graph: Tensor | None = None,
) -> SpeakerModule:
    """The speaker module that the section `model` of a plain verification config describes.

    Args:
        section: `speaker`.
        sample_rate: Hz.
        where: Path of the section, for messages.
        trust_code: Import a class that the config names by `module:Class`.
        graph: See `build_tse`.

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
            graph=graph,
        )
    problems.raise_if_any()
    return speaker


def resolved_speaker(section: Mapping[str, Any], *, where: str = "model") -> dict[str, Any]:
    """A section that `build_speaker` takes, with each default written out.

    Raises:
        ConfigError: If it is wrong.
    """
    return {"speaker": SPEAKERS.resolved(section["speaker"], f"{where}.speaker")}


@dataclass(frozen=True)
class _SpeakerSection:
    speaker: dict[str, Any]


@dataclass(frozen=True)
class _TSESection:
    separator: dict[str, Any]
    speaker: dict[str, Any] | None
    fusion: dict[str, Any] | list[dict[str, Any]] | None
    fuse_before: str | list[int] = "first"
    fuse_axis: FusionAxis = "channels"
    fuse_shared: bool = False
    tf_map: TFMapName | None = None


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
