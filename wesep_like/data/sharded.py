"""What a section `data.train` of shards reads, whatever is made of it: mixtures or speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wesep_like.data.broken import BrokenCount
from wesep_like.data.manifest import Noise
from wesep_like.data.shards.blocks import ShardBlocks
from wesep_like.data.shards.contents import Contents, read_noises
from wesep_like.data.shards.lists import find_shards
from wesep_like.data.simulation.draw.shards import ShardOrder
from wesep_like.data.simulation.sharded import PremixedShardsOptions, ShardedOptions
from wesep_like.data.simulation.speech_options import FromShards
from wesep_like.data.store import AudioStore
from wesep_like.data.text_lines import numbered_lines, read_text
from wesep_like.errors import ManifestError


def shard_blocks(
    options: ShardedOptions | PremixedShardsOptions | FromShards,
    shards: str | Sequence[str],
    read: Callable[[Sequence[str], BrokenCount], Contents[Any]],
    make_planner: Callable[..., Any],
    store: AudioStore,
    *,
    seed: int,
    batch_size: int,
    max_broken_share: float,
) -> ShardBlocks:
    """The blocks that examples are made of, checked.

    Args:
        options: The section.
        shards: See `find_shards`.
        read: Reads some of them.
        make_planner: See `ShardBlocks`.
        store: Reads what is not in a shard.
        seed: Another seed, other blocks.
        batch_size: Of each process.
        max_broken_share: See `ShardBlocks`.

    Raises:
        WesepLikeError: If a shard or the list of speakers is wrong, or has too little in it.
    """
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
    return blocks


def noises_in_shards(
    options: ShardedOptions | FromShards, store: AudioStore, max_broken_share: float
) -> tuple[Sequence[Noise] | None, AudioStore]:
    """The noises of `noise_shards`, and the store that reads them too; None if there are no shards.

    Args:
        options: The section.
        store: Reads what is not in a shard.
        max_broken_share: If more of the files cannot be read, that is an error.

    Raises:
        WesepLikeError: If there are no such shards, or too much in them is broken.
    """
    if options.noise_shards is None:
        return None, store
    urls = find_shards(options.noise_shards, trust_pipes=options.trust_pipes)
    broken = BrokenCount(str(options.noise_source), "files in shards", max_broken_share)
    contents = read_noises(urls, broken)
    return contents.records, store.holding(contents.files)


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
