import itertools
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wesep_like.data.dataset import BatchNumbers
from wesep_like.data.manifest import write_manifest
from wesep_like.data.reading import read_ingredients
from wesep_like.data.shards.pack import pack
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.options import HardInterferers
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.sharded import BlockOptions, ShardedOptions
from wesep_like.data.store import AudioStore
from wesep_like.data.training import training_mixtures
from wesep_like.errors import AudioError, ConfigError, ManifestError

SIGNALS = ("mixture", "target", "interference", "noise", "enrollment", "speakers")
BLOCKS = BlockOptions(num_shards=2, num_examples=8, num_lanes=2, turn=2)


@pytest.fixture(scope="session")
def rooms(corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("rooms") / "rooms.jsonl"
    write_manifest(path, corpus.rooms)
    return str(path)


@pytest.fixture
def sharded(shards, rooms):
    """Mixtures of the shards: `sharded(seed=3, batch_size=2, cache=0, room_probability=0.0)`."""

    def make(*, seed=3, batch_size=2, cache=0.0, max_broken_share=0.05, **options):
        given = {
            "shards": str(shards / "shards.list"),
            "noise_shards": str(shards / "noise.list"),
            "rooms": rooms,
            "mixture_seconds": 1.0,
            "enrollment_seconds": 0.8,
            "min_enrollment_seconds": 0.5,
            "noise_probability": 0.5,
            "room_probability": 0.5,
            "speed_probability": 0.5,
            "speakers": str(shards / "speakers.txt"),
            "blocks": BLOCKS,
        }
        return training_mixtures(
            ShardedOptions(**{**given, **options}),
            AudioStore(8000, cache_megabytes=cache),
            seed=seed,
            batch_size=batch_size,
            max_broken_share=max_broken_share,
        )

    return make


def batches(dataset, numbers, num_batches, num_workers=0):
    loader = DataLoader(dataset, batch_sampler=numbers, num_workers=num_workers, collate_fn=collate)
    return [render(clips) for clips in itertools.islice(loader, num_batches)]


def are_equal(one, other):
    return one.ids == other.ids and all(
        torch.equal(getattr(one, name), getattr(other, name)) for name in SIGNALS
    )


# Python warns of forking a process with threads; torch's have nothing to do here.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
@pytest.mark.parametrize("num_workers", [1, 4])
def test_batches_are_the_same_whatever_the_number_of_workers(sharded, num_workers):
    alone = batches(sharded(), BatchNumbers(2), 12)
    shared = batches(sharded(), BatchNumbers(2), 12, num_workers=num_workers)
    assert all(map(are_equal, alone, shared))
    assert not torch.equal(alone[0].mixture, alone[1].mixture)


def test_a_run_and_its_repetition_and_its_resumption_are_the_same(sharded):
    straight = batches(sharded(), BatchNumbers(2), 12)
    assert all(map(are_equal, straight, batches(sharded(), BatchNumbers(2), 12)))
    resumed = batches(sharded(), BatchNumbers(2, first_batch=7), 5)
    assert all(map(are_equal, straight[7:], resumed))


def test_ranks_share_what_one_process_would_have_had(sharded):
    one = batches(sharded(batch_size=4), BatchNumbers(4), 6)
    ranks = [batches(sharded(), BatchNumbers(2, 0, rank, 2), 6) for rank in range(2)]
    for whole, *parts in zip(one, *ranks, strict=True):
        assert whole.ids == parts[0].ids + parts[1].ids
        assert torch.equal(whole.mixture, torch.cat([part.mixture for part in parts]))
        assert torch.equal(whole.target, torch.cat([part.target for part in parts]))


def test_numbers_in_any_order_are_the_same_examples(sharded):
    dataset, other = sharded(), sharded()
    plans = [dataset[number].plan for number in range(40)]
    assert [other[number].plan for number in reversed(range(40))] == plans[::-1]


def test_it_can_be_sent_to_another_process(sharded):
    dataset = sharded()
    plan = dataset[3].plan
    assert pickle.loads(pickle.dumps(sharded()))[3].plan == plan


def test_another_seed_is_other_mixtures(sharded):
    assert sharded()[0].plan != sharded(seed=4)[0].plan


def test_the_turn_is_a_batch_if_not_said(sharded):
    blocks = replace(BLOCKS, turn=None)
    for batch_size in (2, 3):
        given = sharded(blocks=replace(BLOCKS, turn=batch_size))
        unsaid = sharded(blocks=blocks, batch_size=batch_size)
        assert [given[n].plan for n in range(20)] == [unsaid[n].plan for n in range(20)]


def test_samples_are_those_of_the_files(sharded, corpus, shards):
    dataset = sharded(room_probability=0.0)
    path_of_id = {record.id: record.path for record in (*corpus.utterances, *corpus.noises)}

    def from_file(clip):
        key = clip.path.rpartition(":")[2].removesuffix(".flac")
        return replace(clip, path=path_of_id[key])

    for number in range(10):
        example = dataset[number]
        assert str(shards) in example.plan.target.clip.path
        plan = example.plan
        target = replace(plan.target, clip=from_file(plan.target.clip))
        interferers = tuple(replace(i, clip=from_file(i.clip)) for i in plan.interferers)
        noise = plan.noise and replace(plan.noise, clip=from_file(plan.noise.clip))
        enrollment = replace(plan.enrollment, clip=from_file(plan.enrollment.clip))
        plan = replace(
            plan, target=target, interferers=interferers, noise=noise, enrollment=enrollment
        )
        other = read_ingredients(plan, AudioStore(8000))
        assert all(map(np.array_equal, example.sources, other.sources))
        assert np.array_equal(example.enrollment.samples, other.enrollment.samples)
        assert np.array_equal(example.noise, other.noise) or plan.noise is None


def test_the_parts_add_up(sharded):
    (batch,) = batches(sharded(room_probability=0.0), BatchNumbers(30), 1)
    rest = batch.mixture - batch.target - batch.interference - batch.noise
    assert rest.abs().max() < 1e-6


def test_a_cache_changes_nothing(sharded):
    for number in range(12):
        one, other = sharded()[number], sharded(cache=1.0)[number]
        assert one.plan == other.plan
        assert all(map(np.array_equal, one.sources, other.sources))


def test_an_example_is_made_of_one_block(sharded, monkeypatch):
    dataset = sharded(noise_probability=0.0)
    for number in range(40):
        plan = dataset[number].plan
        clips = [source.clip for source in plan.sources] + [plan.enrollment.clip]
        assert len({clip.path.rpartition(":")[0] for clip in clips}) <= 2


def test_all_utterances_come(sharded, corpus):
    dataset = sharded()
    heard = {dataset[number].plan.target.clip.path.rpartition(":")[2] for number in range(120)}
    assert heard == {f"{u.id}.flac" for u in corpus.utterances}


def test_the_speaker_is_its_place_in_the_list(sharded):
    dataset = sharded()
    assert dataset.speakers == list("abcdef")
    for number in range(20):
        example = dataset[number]
        assert dataset.speakers[example.speaker] == example.plan.target.speaker
    assert {sharded(speakers=None)[number].speaker for number in range(5)} == {-1}


def test_memory_holds_the_bytes_of_a_block_for_each_lane_and_no_more(sharded, monkeypatch):
    dataset = sharded()
    held, most = 0, 0

    class Counted(dict):
        """The files of a block; knows when it is gone."""

        def __del__(self):
            nonlocal held
            held -= 1

    read = dataset.source._read

    def counting(urls, broken):
        nonlocal held, most
        contents = read(urls, broken)
        sizes = sum(len(content) for content in contents.files.values())
        assert 0 < sizes < sum(Path(url).stat().st_size for url in urls)
        held += 1
        most = max(most, held)
        return replace(contents, files=Counted(contents.files))

    monkeypatch.setattr(dataset.source, "_read", counting)
    for number in range(100):
        dataset[number]
    assert most == BLOCKS.num_lanes
    assert not any(block.store._kept.arrays for block in dataset.source._block_of_lane.values())


def test_lanes_with_the_same_shards_share_them(sharded, monkeypatch):
    dataset = sharded(blocks=replace(BLOCKS, num_shards=100))
    read, num_reads = dataset.source._read, 0

    def counting(urls, broken):
        nonlocal num_reads
        num_reads += 1
        return read(urls, broken)

    monkeypatch.setattr(dataset.source, "_read", counting)
    for number in range(60):
        dataset[number]
    assert num_reads == 1


def test_a_block_with_too_few_speakers(write_tar, sound, sharded):
    path = write_tar(
        "a.tar", *({"__key__": f"u{n}", "wav": sound(), "spk": b"ann"} for n in range(3))
    )
    message = (
        r"a\.tar: too little for a block of shards \(.*a\.tar: 1 speakers, but a mixture needs 2\. "
        r"Add speakers or lower num_interferers\)\. Raise data\.train\.blocks\.num_shards$"
    )
    with pytest.raises(ManifestError, match=message):
        sharded(shards=path, speakers=None)


def test_a_speaker_that_is_not_listed(sharded, tmp_path):
    (tmp_path / "some.txt").write_text("a\nb\nc\nd\ne\n")
    with pytest.raises(ManifestError, match=r": speaker 'f' is not in the list of speakers\. Wri"):
        sharded(speakers=str(tmp_path / "some.txt"), blocks=replace(BLOCKS, num_shards=9))
    (tmp_path / "some.txt").write_text("a\nb\na\n")
    with pytest.raises(ManifestError, match=r"some\.txt: has a speaker twice\. Expected each once"):
        sharded(speakers=str(tmp_path / "some.txt"))


def test_a_sound_that_breaks_in_the_middle_is_skipped_with_a_warning(corpus, tmp_path, sharded):
    # Its header is whole: only who decodes it can know.
    data = tmp_path / "data"
    write_manifest(data / "utterances.jsonl", corpus.utterances)
    pack(data, tmp_path / "shards")
    (tar,) = (tmp_path / "shards").glob("*.tar")
    content = tar.read_bytes()
    whole = Path(corpus.utterances[0].path).read_bytes()
    broken = whole[:1000] + bytes(len(whole) - 1000)
    assert content.count(whole) == 1
    tar.write_bytes(content.replace(whole, broken))
    options = {"shards": str(tar), "noise_shards": None, "noise_probability": 0.0}
    dataset = sharded(**options, max_broken_share=1.0)
    with pytest.warns(UserWarning, match=r"skipped: .*tar:a0\.flac") as caught:
        plans = [dataset[number].plan for number in range(40)]
    assert len({str(warning.message) for warning in caught}) == len(caught)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = sharded(**options, max_broken_share=1.0)
        assert [again[number].plan for number in range(40)] == plans
        strict = sharded(**options, max_broken_share=0.001)
        with pytest.raises(AudioError, match=r"of \d+ examples could not be read, more than 0\.1%"):
            [strict[number] for number in range(150)]


def test_noise_from_a_manifest_goes_with_shards_of_speech(sharded, data_folder):
    dataset = sharded(noise_shards=None, noise=str(data_folder / "noise.jsonl"))
    assert any(dataset[number].noise is not None for number in range(10))


def test_noise_is_given_once(sharded):
    with pytest.raises(ConfigError, match=r"noise_shards: stands in place of noise\. Give one"):
        sharded(noise="noise.jsonl")
    with pytest.raises(ConfigError, match=r"hard_interferers: voices are known by their files'"):
        ShardedOptions(shards="x", hard_interferers=HardInterferers("e.npz"))


def test_noise_shards_without_a_sound(sharded, write_tar):
    path = write_tar("noise.tar", {"__key__": "x", "txt": b"x"})
    with pytest.raises(ManifestError, match=r"noise\.tar: no noises, but noise_probability"):
        sharded(noise_shards=(path,))


def test_rooms_come_from_files(sharded):
    dataset = sharded(room_probability=1.0)
    assert all(response is not None for response in dataset[0].responses)
