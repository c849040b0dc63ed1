"""How mixtures are made of what is in tar shards: another form of the section `data.train`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wesep_like.config.sections import check_sizes
from wesep_like.data.simulation.options import MixingOptions
from wesep_like.data.simulation.premixed import CuttingOptions
from wesep_like.errors import ConfigError


@dataclass(frozen=True)
class BlockOptions:
    """How much is in memory at a time, and for how long; the config section `data.train.blocks`.

    Args:
        num_shards: In a block. An example is made of one block.
        num_examples: Made of a block before the next.
        num_lanes: Blocks in use at a time, all worker processes together. Best a multiple of
            processes times workers, so that each block is read by one worker only.
        turn: Consecutive examples of one block, before another lane's turn. None: a batch.
    """

    num_shards: int = 2
    num_examples: int = 2000
    num_lanes: int = 4
    turn: int | None = None

    def __post_init__(self) -> None:
        check_sizes(
            num_shards=self.num_shards,
            num_examples=self.num_examples,
            num_lanes=self.num_lanes,
            turn=self.turn,
        )


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How shards are read.

    Args:
        speakers: A file with all speakers, one a line, as `wesep-like shard` writes it; for losses
            that tell speakers apart.
        blocks: How much is in memory.
        trust_pipes: Whether a shard may be `pipe:` and a command that is run.
    """

    speakers: str | None = None
    blocks: BlockOptions = field(default_factory=BlockOptions)
    trust_pipes: bool = False


@dataclass(frozen=True)
class ShardedOptions(MixingOptions, ReadingOptions):
    """How mixtures are made of utterances in shards.

    Args:
        shards: A list of shards, as `wesep-like shard` and WeSep write it, or a path or URL of
            shards, `{000..012}` standing for several, or several of these.
        noise_shards: Likewise, with noises, which are kept in memory; in place of `noise`.
        name: Replaces a section of another name in a config, instead of going into it.
    """

    shards: str | tuple[str, ...]
    noise_shards: str | tuple[str, ...] | None = None
    name: Literal["sharded"] = "sharded"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise is not None and self.noise_shards is not None:
            raise ConfigError("noise_shards: stands in place of noise. Give one of them")
        if self.hard_interferers is not None:
            raise ConfigError(
                "hard_interferers: voices are known by their files' paths, and in shards there are "
                "none. Remove it"
            )

    @property
    def source(self) -> str:
        """The shards."""
        return named(self.shards)

    @property
    def noise_source(self) -> str | None:
        """The manifest of noises or their shards."""
        return self.noise if self.noise_shards is None else named(self.noise_shards)


@dataclass(frozen=True)
class PremixedShardsOptions(CuttingOptions, ReadingOptions):
    """Which stretch of a mixture in shards is heard, and of which speaker.

    Args:
        mixture_shards: As `shards`, with mixtures that exist.
        name: Replaces a section of another name in a config, instead of going into it.
    """

    mixture_shards: str | tuple[str, ...]
    name: Literal["premixed_shards"] = "premixed_shards"

    @property
    def source(self) -> str:
        """The shards."""
        return named(self.mixture_shards)


def named(shards: str | tuple[str, ...]) -> str:
    """Shards in a message."""
    return shards if isinstance(shards, str) else ", ".join(shards)
