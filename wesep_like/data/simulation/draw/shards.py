"""From which shards an example is drawn, where there are too many to be open at once."""

from __future__ import annotations

from wesep_like.data.simulation.draw.orders import SHARDS, epoch_order
from wesep_like.data.simulation.sharded import BlockOptions


class ShardOrder:
    """For each example, the shards that are in memory when it is drawn: its block.

    Shards are permuted anew in each epoch; a block is a few that follow one another. Blocks are
    dealt to lanes, and examples take turns among the lanes: that many blocks are in use at a time.
    A process that takes every so-manieth turn meets only some of the lanes, so that processes need
    not all read everything. Shards that are left over at the end of an epoch wait for another.

    Args:
        num_shards: All that there are.
        options: How many shards, examples and lanes.
        turn: Consecutive examples of one lane: a batch, best.
        seed: Another seed, another order.
    """

    def __init__(self, num_shards: int, options: BlockOptions, turn: int, seed: int) -> None:
        self._num_shards = num_shards
        self._block_shards = min(options.num_shards, num_shards)
        self._num_lanes = options.num_lanes
        self._turn = turn
        self._block_turns = max(1, round(options.num_examples / turn))
        self._seed = seed

    def lane(self, number: int) -> int:
        """The lane of an example."""
        return number // self._turn % self._num_lanes

    def shards(self, number: int) -> tuple[int, ...]:
        """The block of an example: its shards' places in their list, ascending."""
        lane = self.lane(number)
        turn = number // (self._turn * self._num_lanes)  # of the lane's
        # Lanes change their blocks one after another, so that not all wait at once.
        head_start = lane * self._block_turns // self._num_lanes
        block = (turn + head_start) // self._block_turns * self._num_lanes + lane
        epoch, place = divmod(block, self._num_shards // self._block_shards)
        first = place * self._block_shards
        order = epoch_order(self._num_shards, self._seed, epoch, SHARDS)
        return tuple(sorted(order[first : first + self._block_shards].tolist()))
