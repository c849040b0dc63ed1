"""Several crops of each utterance, to learn without labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.crops import CropBatch, Crops, collate_crops, render_crops
from wesep_like.data.dataset import BatchNumbers
from wesep_like.data.manifest import AnyUtterance, write_manifest
from wesep_like.data.shards.pack import pack
from wesep_like.data.simulation.augmentation.options import (
    EnrollmentAugmentationOptions,
    EnrollmentNoiseOptions,
    EnrollmentRoomOptions,
    SpecAugmentOptions,
)
from wesep_like.data.simulation.crop_options import (
    CropOptions,
    CropsOfFilesOptions,
    CropsOfShardsOptions,
)
from wesep_like.data.speech_dataset import training_crops
from wesep_like.data.store import AudioStore
from wesep_like.errors import ConfigError

RATE = 8000
CROPS = (CropOptions(0.3, 2), CropOptions(0.5, 2), CropOptions(0.3))


@pytest.fixture
def unlabelled(corpus, tmp_path):
    """A manifest of the corpus that does not say who speaks."""
    write_manifest(
        tmp_path / "utterances.jsonl",
        [AnyUtterance(u.id, u.path, u.num_samples, u.sample_rate) for u in corpus.utterances],
    )
    write_manifest(tmp_path / "noise.jsonl", corpus.noises)
    write_manifest(tmp_path / "rooms.jsonl", corpus.rooms)
    return tmp_path


@pytest.fixture
def crops_of(unlabelled):
    """The examples: `crops_of(crops=..., augmentation=...)`."""

    def make(seed=3, **options):
        given = {
            "crops": CROPS,
            "noise": str(unlabelled / "noise.jsonl"),
            "rooms": str(unlabelled / "rooms.jsonl"),
        }
        section = CropsOfFilesOptions(str(unlabelled / "utterances.jsonl"), **given | options)
        return training_crops(
            section, AudioStore(RATE), seed=seed, batch_size=2, max_broken_share=0.05
        )

    return make


def test_the_longest_come_first_and_all_are_of_one_utterance_at_one_speed(crops_of, corpus):
    dataset = crops_of(speed_probability=0.5)
    num = len(corpus.utterances)
    paths, speeds = [], set()
    for number in range(num):
        example = dataset[number]
        assert [[len(crop.samples) for crop in of] for of in example.heard] == [
            [4000] * 2,
            [2400] * 3,
        ]
        plans = [crop.plan for of_length in example.heard for crop in of_length]
        assert len({(plan.clip.path, plan.speed) for plan in plans}) == 1
        if "e0" in plans[0].clip.path:  # 2.2 s
            assert len({plan.clip.start for plan in plans}) == len(plans)
        paths.append(plans[0].clip.path)
        speeds.add(plans[0].speed)
    assert sorted(paths) == sorted(u.path for u in corpus.utterances)  # each once an epoch
    assert len(speeds) > 1


def test_each_crop_has_noise_and_a_room_of_its_own(crops_of):
    augmentation = EnrollmentAugmentationOptions(
        room=EnrollmentRoomOptions(0.5), noise=EnrollmentNoiseOptions(0.5)
    )
    dataset = crops_of(augmentation=augmentation)
    plans = [[c.plan for of in dataset[n].heard for c in of] for n in range(10)]
    for stage in ("noise", "response"):
        told = [[getattr(plan, stage) for plan in of_example] for of_example in plans]
        assert all(len(set(of_example)) > 1 for of_example in told[:3])
        assert 10 < sum(stage is not None for of in told for stage in of) < 40


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_change_nothing(crops_of):
    augmentation = EnrollmentAugmentationOptions(
        noise=EnrollmentNoiseOptions(0.5), spec_augment=SpecAugmentOptions(0.5)
    )

    def first(num_workers):
        loader = DataLoader(
            crops_of(augmentation=augmentation),
            batch_sampler=BatchNumbers(3),
            collate_fn=collate_crops,
            num_workers=num_workers,
        )
        return render_crops(next(iter(loader)))

    alone, other = first(0), first(1)
    assert alone.ids == other.ids == ["0", "1", "2"]
    assert [tuple(of.speech.shape) for of in alone.lengths] == [(2, 3, 4000), (3, 3, 2400)]
    for one, its in zip(alone.lengths, other.lengths, strict=True):
        assert torch.equal(one.speech, its.speech)
        assert torch.equal(one.masks.time, its.masks.time)


def test_a_batch_has_first_crops_first(crops_of):
    dataset = crops_of()
    examples = [dataset[n] for n in range(3)]
    long, short = render_crops(collate_crops(examples)).lengths
    for row, example in enumerate(examples):
        for crops, of_length in zip((long, short), example.heard, strict=True):
            for number, crop in enumerate(of_length):
                wanted = torch.from_numpy(crop.samples)
                assert torch.equal(crops.speech[number, row], wanted)
                assert torch.equal(crops.only(number).speech[0, row], wanted)


def test_single_crops_keep_their_masks():
    masks = FeatureMasks(torch.arange(12.0).reshape(6, 1, 2), torch.zeros(6, 0, 2))
    batch = CropBatch(
        ["a", "b", "c"], (Crops(torch.zeros(2, 3, 5), masks), Crops(torch.ones(1, 3, 4)))
    )
    first, second, third = batch.single()
    assert torch.equal(torch.cat([first.masks.time, second.masks.time]), masks.time)
    assert third.masks is None
    assert third.speech.shape == (1, 3, 4)


def test_crops_move_to_a_device_with_all_that_is_in_them(crops_of):
    clips = collate_crops([crops_of()[0]])
    assert [of.samples.device.type for of in clips.to("meta").lengths] == ["meta", "meta"]


def test_an_utterance_with_a_silent_crop_is_drawn_again(crops_of):
    example = crops_of()[0]
    assert not example.is_silent
    (first, *rest), others = example.heard
    silent = replace(first, samples=np.zeros_like(first.samples))
    assert replace(example, heard=((silent, *rest), others)).is_silent


def test_crops_of_shards_without_speakers(unlabelled, corpus):
    folder = unlabelled / "shards"
    pack(unlabelled / "utterances.jsonl", folder, per_shard=5)
    assert (folder / "speakers.txt").read_text() == ""
    options = CropsOfShardsOptions(str(folder / "shards.list"), crops=CROPS)
    dataset = training_crops(options, AudioStore(RATE), seed=1, batch_size=2, max_broken_share=0)
    for number in range(8):
        path = dataset[number].heard[0][0].plan.clip.path
        assert path.rpartition(":")[2].removesuffix(".flac") in {u.id for u in corpus.utterances}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"crops": ()}, "crops: expected two or more of each utterance, got 0"),
        ({"crops": (CropOptions(2.0),)}, "crops: expected two or more of each utterance, got 1"),
        ({"crops": CROPS, "augmentation": EnrollmentAugmentationOptions(
            room=EnrollmentRoomOptions(0.5))}, "rooms: missing, but augmentation.room.probability "
         "is 0.5. Give a manifest, or simulated_rooms, or set it to 0"),
    ],
)  # fmt: skip
def test_wrong_options(options, problem):
    with pytest.raises(ConfigError) as caught:
        CropsOfFilesOptions("u", **options)
    assert caught.value.problems == (problem,)


def test_wrong_crops():
    with pytest.raises(ConfigError, match=r"^seconds: expected more than 0, got 0\.0$"):
        CropOptions(0.0)
    with pytest.raises(ConfigError, match=r"^count: expected at least 1, got 0$"):
        CropOptions(1.0, 0)
    with pytest.raises(ConfigError) as caught:
        CropsOfShardsOptions("a", crops=CROPS, noise="n", noise_shards="b", speakers="s")
    assert caught.value.problems == (
        "noise_shards: stands in place of noise. Give one of them",
        "speakers: are not looked at here. Remove it",
    )
