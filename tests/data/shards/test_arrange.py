from collections import Counter

import pytest

from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.shards.arrange import arrange_others, arrange_utterances
from wesep_like.errors import ManifestError


def utterances(num_of_speaker):
    return [
        Utterance(f"{speaker}/{n}", speaker, f"{speaker}{n}.wav", 100, 8000)
        for speaker, num in num_of_speaker.items()
        for n in range(num)
    ]


def test_each_utterance_is_in_one_shard():
    given = utterances(dict.fromkeys("abcdefgh", 13))
    shards = arrange_utterances(given, 20, seed=1)
    assert all(0 < len(shard) <= 20 for shard in shards)
    packed = [(e.key, e.speakers, e.sounds) for shard in shards for e in shard]
    assert sorted(packed, key=str) == sorted(
        ((u.id, {"spk": u.speaker}, {"": u.path}) for u in given), key=str
    )


def test_nobody_is_alone_in_a_shard_who_need_not_be():
    given = utterances({f"s{n}": 2 + n % 20 for n in range(50)})
    shards = arrange_utterances(given, 30, seed=1)
    assert len(shards) > 15
    for shard in shards:
        speakers = Counter(entry.speakers["spk"] for entry in shard)
        assert min(speakers.values()) > 1


def test_the_order_depends_on_the_seed_and_not_on_the_manifest():
    given = utterances(dict.fromkeys("abcdefgh", 13))
    first = arrange_utterances(given, 20, seed=1)
    assert arrange_utterances(given[::-1], 20, seed=1) == first
    assert arrange_utterances(given, 20, seed=2) != first


def test_a_shard_of_one():
    assert [len(s) for s in arrange_utterances(utterances({"a": 3}), 1, seed=1)] == [1, 1, 1]


def test_keys_have_no_dots():
    # WebDataset would end a key at the first one, WeSep at the last.
    given = [
        Utterance(name, "a", "x.wav", 1, 1) for name in ("s.1/v.2/a.FLAC", "s.1/b.c.wav", "d.1")
    ]
    keys = [entry.key for shard in arrange_utterances(given, 9, seed=1) for entry in shard]
    assert sorted(keys) == ["d_1", "s.1/b_c", "s.1/v.2/a"]


def test_two_of_one_name_are_an_error():
    given = [Utterance(name, "a", "x.wav", 1, 1) for name in ("s/a.wav", "s/a.flac")]
    message = r"s/a\.flac: would have the same name in a shard as s/a\.wav, 's/a'\. Give one of"
    with pytest.raises(ManifestError, match=message):
        arrange_utterances(given, 9, seed=1)


def test_noises_have_no_speaker():
    given = [Noise(f"n{n}", f"n{n}.wav", 1, 1) for n in range(5)]
    shards = arrange_others(given, 2, seed=1)
    assert [len(shard) for shard in shards] == [2, 2, 1]
    assert {e.key for shard in shards for e in shard} == {f"n{n}" for n in range(5)}
    assert not any(e.speakers for shard in shards for e in shard)
