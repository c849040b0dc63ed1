from collections import Counter

import pytest

from wesep_like.data.simulation.draw.shards import ShardOrder
from wesep_like.data.simulation.sharded import BlockOptions
from wesep_like.errors import ConfigError


def order(num_shards=12, turn=5, seed=1, **options):
    given = {"num_shards": 2, "num_examples": 20, "num_lanes": 3, **options}
    return ShardOrder(num_shards, BlockOptions(**given), turn, seed)


def blocks_of_lane(order, lane, num=2000):
    """The lane's blocks, one after another, and how many examples each has."""
    found = []
    for number in range(num):
        if order.lane(number) != lane:
            continue
        shards = order.shards(number)
        if not found or found[-1][0] != shards:
            found.append([shards, 0])
        found[-1][1] += 1
    return found


def test_examples_take_turns_among_lanes():
    assert [order().lane(number) for number in range(0, 35, 5)] == [0, 1, 2, 0, 1, 2, 0]
    assert len({order().shards(number) for number in range(5)}) == 1


def test_a_block_serves_as_many_examples_as_were_asked_for():
    for lane in range(3):
        (_, first), *middle, _ = blocks_of_lane(order(num_shards=200), lane)
        assert {num for _, num in middle} == {20}
        assert first == (20, 15, 10)[lane]  # so that lanes do not change at one time


def test_every_shard_is_used_once_an_epoch():
    blocks = [blocks_of_lane(order(), lane) for lane in range(3)]
    for epoch in range(4):  # of six blocks, two a lane
        shards = [
            s for lane in blocks for block, _ in lane[2 * epoch : 2 * epoch + 2] for s in block
        ]
        assert sorted(shards) == list(range(12))


def test_an_epoch_is_not_the_next_one():
    firsts = [blocks_of_lane(order(), 0)[2 * epoch][0] for epoch in range(5)]
    assert len(set(firsts)) > 3


def test_what_is_left_over_comes_in_another_epoch():
    used = Counter()
    for lane in range(3):
        for block, _ in blocks_of_lane(order(num_shards=7), lane):
            assert len(set(block)) == 2
            used.update(block)
    assert set(used) == set(range(7))
    assert max(used.values()) < 2 * min(used.values())


def test_fewer_shards_than_a_block_has():
    assert {order(num_shards=1).shards(number) for number in range(300)} == {(0,)}


def test_the_seed_decides():
    numbers = range(0, 500, 5)
    first = [order().shards(number) for number in numbers]
    assert [order().shards(number) for number in numbers] == first
    assert [order(seed=2).shards(number) for number in numbers] != first


@pytest.mark.parametrize(("num_ranks", "num_workers"), [(1, 3), (3, 1), (2, 3), (3, 2)])
def test_as_many_lanes_as_processes_means_that_nothing_is_read_twice(num_ranks, num_workers):
    num_lanes = num_ranks * num_workers
    given = order(num_shards=240, num_lanes=num_lanes)
    lanes = {}
    for step in range(50):
        for rank in range(num_ranks):
            number = (step * num_ranks + rank) * 5
            lanes.setdefault((rank, step % num_workers), set()).add(given.lane(number))
    assert sorted(lane for met in lanes.values() for lane in met) == list(range(num_lanes))


def test_sizes_that_are_none():
    with pytest.raises(ConfigError) as caught:
        BlockOptions(num_shards=0, num_examples=0, num_lanes=0, turn=0)
    assert str(caught.value).splitlines() == [
        f"{name}: expected at least 1, got 0"
        for name in ("num_shards", "num_examples", "num_lanes", "turn")
    ]
