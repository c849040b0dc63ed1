"""What examples are made of where it is in shards: a few of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wesep_like.data.broken import BrokenCount
from wesep_like.data.shards.contents import Contents
from wesep_like.data.simulation.draw.shards import ShardOrder
from wesep_like.data.store import AudioStore
from wesep_like.errors import ManifestError


@dataclass(frozen=True)
class _Block:
    """What examples are made of for a while.

    Args:
        shards: Their places in the list of all.
        store: Has their sounds in memory.
    """

    shards: tuple[int, ...]
    planner: Any
    store: AudioStore


class ShardBlocks:
    """Each example is made of one block, a few shards that are in memory as they are on the disk.

    Which block depends on the example's number alone, and on the order's seed. A process keeps one
    block for each lane that it meets (see `ShardOrder`).

    Args:
        urls: The shards.
        order: Which of them an example is made of.
        read: Reads some of them.
        make_planner: From their records to what decides examples.
        store: Reads what is not in a shard.
        where: The shards, for messages.
        speakers: All that an example can be of; empty if that is not known.
        max_broken_share: Of the files in shards; if more cannot be read, that is an error.
    """

    def __init__(
        self,
        urls: Sequence[str],
        order: ShardOrder,
        read: Callable[[Sequence[str], BrokenCount], Contents[Any]],
        make_planner: Callable[[Sequence[Any]], Any],
        store: AudioStore,
        *,
        where: str,
        speakers: Sequence[str],
        max_broken_share: float,
    ) -> None:
        self.where = where
        self.speakers = speakers
        self.broken_files = BrokenCount(where, "files in shards", max_broken_share)
        self._urls = urls
        self._order = order
        self._read = read
        self._make_planner = make_planner
        self._store = store
        self._block_of_lane: dict[int, _Block] = {}

    def at(self, number: int) -> tuple[Any, AudioStore]:
        """Those of the example's block, which is read if need be.

        Raises:
            AudioError: If a shard cannot be fetched, or too much in it cannot be read.
            ManifestError: If there is too little in a block, or a speaker that is in no list.
        """
        lane, shards = self._order.lane(number), self._order.shards(number)
        if lane not in self._block_of_lane or self._block_of_lane[lane].shards != shards:
            self._block_of_lane.pop(lane, None)  # first, so that there are never two
            held = (block for block in self._block_of_lane.values() if block.shards == shards)
            self._block_of_lane[lane] = next(held, None) or self._read_block(shards)
        block = self._block_of_lane[lane]
        return block.planner, block.store

    def check(self) -> None:
        """Goes on only if the first block can be used; worth asking before a run.

        Raises:
            WesepLikeError: As `at` does.
        """
        self.at(0)
        self._block_of_lane.clear()

    def _read_block(self, shards: tuple[int, ...]) -> _Block:
        urls = [self._urls[shard] for shard in shards]
        contents = self._read(urls, self.broken_files)
        try:
            planner = self._make_planner(contents.records)
        except ManifestError as error:
            raise ManifestError(
                f"{', '.join(urls)}: too little for a block of shards ({error}). "
                "Raise data.train.blocks.num_shards"
            ) from error
        if self.speakers and (unknown := set(planner.speakers) - set(self.speakers)):
            raise ManifestError(
                f"{', '.join(urls)}: speaker {min(unknown)!r} is not in the list of speakers. "
                "Write it anew, or set data.train.speakers to another"
            )
        return _Block(shards, planner, self._store.holding(contents.files))
