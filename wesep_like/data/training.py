"""What a config trains on: mixtures by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wesep_like.data.broken import BrokenCount
from wesep_like.data.dataset import NumberedMixtures, OnlineMixtures, Planner
from wesep_like.data.sharded import noises_in_shards, shard_blocks
from wesep_like.data.shards.contents import Contents, read_mixtures, read_utterances
from wesep_like.data.simulation.draw import MixturePlanner, PremixedPlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.premixed import PremixedOptions
from wesep_like.data.simulation.sharded import PremixedShardsOptions, ShardedOptions
from wesep_like.data.store import AudioStore

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
        noises, store = noises_in_shards(options, store, max_broken_share)
        make_planner = MixturePlanner.maker(options, store.sample_rate, noises)
    blocks = shard_blocks(
        options,
        shards,
        read,
        make_planner,
        store,
        seed=seed,
        batch_size=batch_size,
        max_broken_share=max_broken_share,
    )
    return NumberedMixtures(blocks, seed, max_broken_share)
