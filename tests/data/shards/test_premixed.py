import numpy as np
import pytest
import soundfile

from wesep_like.data.broken import BrokenCount
from wesep_like.data.json_lines import write_json_lines
from wesep_like.data.premixed import PremixedMixture, PremixedSource
from wesep_like.data.shards.contents import read_mixtures
from wesep_like.data.shards.lists import find_shards
from wesep_like.data.shards.pack import pack
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.render import render
from wesep_like.data.simulation.sharded import BlockOptions, PremixedShardsOptions
from wesep_like.data.store import AudioStore
from wesep_like.data.training import training_mixtures
from wesep_like.errors import ManifestError


@pytest.fixture
def mixture(tmp_path):
    """The files of a mixture as WeSep packs it: `mixture("KEY", "ann", "bob")`."""

    def make(key, *speakers, seconds=1.0):
        rng = np.random.default_rng(sum(key.encode()))
        voices = 0.1 * rng.standard_normal((len(speakers), round(8000 * seconds)))
        sounds = [voices.sum(axis=0) + 0.01 * rng.standard_normal(voices.shape[1]), *voices]
        content = []
        for samples in sounds:
            soundfile.write(tmp_path / "sound.wav", samples, 8000, subtype="PCM_16")
            content.append((tmp_path / "sound.wav").read_bytes())
        names = {f"spk{n}": speaker.encode() for n, speaker in enumerate(speakers, start=1)}
        return [
            {"__key__": key, "wav": content[0], **names},
            *(
                {"__key__": f"{key}_spk{n}", "wav": source}
                for n, source in enumerate(content[1:], start=1)
            ),
        ]

    return make


def read(path):
    return read_mixtures([path], BrokenCount("shards.list", "files in shards", 1.0))


def test_mixtures_with_their_speakers(write_tar, mixture):
    path = write_tar(
        "a.tar", *mixture("103-1_22-7", "103", "22"), *mixture("m", "ann", "bob", "cas")
    )
    found = read(path)
    one, two = found.records
    assert (one.id, one.path, one.num_samples) == ("103-1_22-7", f"{path}:103-1_22-7.wav", 8000)
    assert one.sources == (
        PremixedSource("103", "103-1", f"{path}:103-1_22-7_spk1.wav"),
        PremixedSource("22", "22-7", f"{path}:103-1_22-7_spk2.wav"),
    )
    assert [source.utterance for source in two.sources] == ["s1/m", "s2/m", "s3/m"]
    assert len(found.files) == 7


def test_keys_that_begin_alike_are_two(write_tar, mixture):
    path = write_tar("a.tar", *mixture("u1", "ann", "bob"), *mixture("u10", "cas", "dan"))
    assert [(r.id, r.sources[0].speaker) for r in read(path).records] == [
        ("u1", "ann"),
        ("u10", "cas"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m, o: [m[0], m[1]],
            r"bad\.wav: expected 2 sounds beside it as long as it is, call",
        ),
        (lambda m, o: [m[0], m[1], o[2]], r"bad\.wav: expected 2 sounds beside it as long as it"),
        (
            lambda m, o: [{"__key__": "bad", "wav": m[0]["wav"]}],
            r"bad\.wav: no speaker's name in a",
        ),
        (
            lambda m, o: [{**m[0], "spk2": b"ann"}, *m[1:]],
            r"bad\.wav: speaker 'ann' is in it twice",
        ),
    ],
)
def test_what_is_broken_is_skipped_and_named(write_tar, mixture, change, message):
    long = mixture("bad", "ann", "bob", seconds=1.5)
    samples = change(mixture("bad", "ann", "bob"), long)
    path = write_tar("a.tar", *samples, *mixture("good", "cas", "dan"))
    with pytest.warns(UserWarning, match=rf"skipped: .*a\.tar:{message}"):
        found = read(path)
    assert [record.id for record in found.records] == ["good"]


@pytest.fixture
def premixed(write_tar, mixture):
    """Training on four shards of three mixtures: `premixed(speakers=None)`."""
    paths = [
        write_tar(
            f"{n}.tar",
            *(
                sample
                for m in range(3)
                for sample in mixture(f"ann-{n}{m}_bob-{n}{m}", "ann", "bob")
            ),
        )
        for n in range(4)
    ]

    def make(**options):
        given = {
            "mixture_shards": tuple(paths),
            "mixture_seconds": 0.5,
            "enrollment_seconds": 0.4,
            "blocks": BlockOptions(num_shards=1, num_examples=4, num_lanes=2, turn=2),
        }
        return training_mixtures(
            PremixedShardsOptions(**{**given, **options}),
            AudioStore(8000),
            seed=3,
            batch_size=2,
            max_broken_share=0.05,
        )

    return make


def test_examples_are_as_recorded_and_depend_on_their_number(premixed):
    dataset, other = premixed(), premixed()
    for number in reversed(range(16)):
        other[number]
    examples = [dataset[number] for number in range(16)]
    assert [other[number].plan for number in range(16)] == [e.plan for e in examples]
    batch = render(collate(examples))
    assert (batch.mixture - batch.target - batch.interference).abs().max() < 1e-6
    for example in examples:
        plan = example.plan
        shard = plan.mixture.path.rpartition(":")[0]
        assert plan.target.clip.path.startswith(f"{shard}:")
        assert plan.enrollment.clip.path.startswith(f"{shard}:")
        assert plan.enrollment.clip.path != plan.target.clip.path
    assert len({example.plan.mixture.path for example in examples}) > 6


def test_a_block_of_one_mixture_has_nobody_to_enroll(write_tar, mixture, premixed):
    path = write_tar("few.tar", *mixture("m", "ann", "bob"))
    message = r"few\.tar: too little for a block of shards \(.*few\.tar: no speaker in it has an"
    with pytest.raises(ManifestError, match=message):
        premixed(mixture_shards=path)


def test_what_is_packed_is_read_back(write_tar, mixture, tmp_path):
    records, files = [], {}
    for key, *speakers in (("a-1_b-1", "a", "b"), ("c-1_a-2", "c", "a")):
        sounds, names = [], ("mixture", *speakers)
        for name, sample in zip(names, mixture(key, *speakers), strict=True):
            path = tmp_path / f"{key}-{name}.wav"
            path.write_bytes(sample["wav"])
            sounds.append(path.name)
            files[f"{sample['__key__']}.wav"] = sample["wav"]
        sources = [
            PremixedSource(speaker, key.split("_")[n], path)
            for n, (speaker, path) in enumerate(zip(speakers, sounds[1:], strict=True))
        ]
        records.append(PremixedMixture(key, sounds[0], 8000, 8000, tuple(sources)))
    write_json_lines(tmp_path / "premixed.jsonl", records)
    packed = pack(tmp_path, tmp_path / "shards")
    assert packed.num_packed == {"mixtures.list": 2}
    assert (tmp_path / "shards/speakers.txt").read_text() == "a\nb\nc\n"
    (path,) = find_shards(str(tmp_path / "shards/mixtures.list"))
    found = read(path)
    assert {name.rpartition(":")[2]: content for name, content in found.files.items()} == files
    by_id = {record.id: record for record in found.records}
    for record in records:
        other = by_id[record.id]
        assert other.num_samples == record.num_samples
        assert [s.speaker for s in other.sources] == [s.speaker for s in record.sources]
        assert [s.utterance for s in other.sources] == [s.utterance for s in record.sources]
    (tmp_path / "a-1_b-1-b.wav").unlink()
    with pytest.warns(UserWarning, match=r"skipped: .*a-1_b-1-b\.wav: there is no such file"):
        packed = pack(tmp_path / "premixed.jsonl", tmp_path / "again")
    assert (packed.num_packed, packed.num_skipped) == ({"mixtures.list": 1}, 1)
    assert pack(tmp_path / "premixed.jsonl", tmp_path / "again").num_skipped == 1
