"""What a config trains on: mixtures by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wesep_like.data.broken import BrokenCount
from wesep_like.data.dataset import NumberedMixtures, OnlineMixtures, Planner
from wesep_like.data.manifest import Noise
from wesep_like.data.shards.blocks import ShardBlocks
from wesep_like.data.shards.contents import Contents, read_mixtures, read_noises, read_utterances
from wesep_like.data.shards.lists import find_shards
from wesep_like.data.simulation.draw import MixturePlanner, PremixedPlanner
from wesep_like.data.simulation.draw.shards import ShardOrder
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.premixed import PremixedOptions
from wesep_like.data.simulation.sharded import PremixedShardsOptions, ShardedOptions
from wesep_like.data.store import AudioStore
from wesep_like.data.text_lines import numbered_lines, read_text
from wesep_like.errors import ManifestError

TrainingOptions = SimulationOptions | ShardedOptions | PremixedOptions | PremixedShardsOptions


def training_mixtures(
    options: TrainingOptions,
    store: AudioStore,
    *,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> NumberedMixtures:
    """The mixtures that a section `data.train` describes.

    Args:
        options: The section.
        store: Reads them; its sample rate is theirs.
        seed: Another seed, other mixtures.
        batch_size: Of each process.
        max_broken_share: See `NumberedMixtures`.

    Raises:
        WesepLikeError: If a manifest or a shard is wrong, or has too little in it.
    """
    if isinstance(options, ShardedOptions | PremixedShardsOptions):
        return _sharded(options, store, seed, batch_size, max_broken_share)
    planner: MixturePlanner | PremixedPlanner
    if isinstance(options, PremixedOptions):
        planner = PremixedPlanner.from_manifests(options, store.sample_rate)
    else:
        planner = MixturePlanner.from_manifests(options, store.sample_rate)
    return OnlineMixtures(planner, store, seed, max_broken_share=max_broken_share)


def _sharded(
    options: ShardedOptions | PremixedShardsOptions,
    store: AudioStore,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> NumberedMixtures:
    read: Callable[[Sequence[str], BrokenCount], Contents[Any]]
    if isinstance(options, PremixedShardsOptions):
        shards, read = options.mixture_shards, read_mixtures
        make_planner: Callable[..., Planner] = PremixedPlanner.maker(options, store.sample_rate)
    else:
        shards, read = options.shards, read_utterances
        noises = None
        if options.noise_shards is not None:
            contents = read_noise_shards(
                options.noise_shards, options.noise_source, options.trust_pipes, max_broken_share
            )
            noises, store = contents.records, store.holding(contents.files)
        make_planner = MixturePlanner.maker(options, store.sample_rate, noises)
    urls = find_shards(shards, trust_pipes=options.trust_pipes)
    blocks = ShardBlocks(
        urls,
        ShardOrder(len(urls), options.blocks, options.blocks.turn or batch_size, seed),
        read,
        make_planner,
        store,
        where=options.source,
        speakers=[] if options.speakers is None else read_speakers(Path(options.speakers)),
        max_broken_share=max_broken_share,
    )
    blocks.check()
    return NumberedMixtures(blocks, seed, max_broken_share)


def read_noise_shards(
    shards: str | Sequence[str], source: str | None, trust_pipes: bool, max_broken_share: float
) -> Contents[Noise]:
    """The noises in shards.

    Args:
        shards: See `find_shards`.
        source: The shards, for messages.
        trust_pipes: See `find_shards`.
        max_broken_share: If more of the files cannot be read, that is an error.

    Raises:
        WesepLikeError: If there are no such shards, or too much in them is broken.
    """
    urls = find_shards(shards, trust_pipes=trust_pipes)
    return read_noises(urls, BrokenCount(str(source), "files in shards", max_broken_share))


def read_speakers(path: Path) -> list[str]:
    """The speakers in a list, one a line.

    Raises:
        ManifestError: If it cannot be read, or has one twice.
    """
    text = read_text(path, "a speaker a line", "Write shards with 'wesep-like shard'")
    speakers = [line.strip() for _, line in numbered_lines(text)]
    if len(set(speakers)) != len(speakers):
        raise ManifestError(f"{path}: has a speaker twice. Expected each once")
    return speakers
