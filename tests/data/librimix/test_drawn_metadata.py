from collections import Counter

import numpy as np
import pyloudnorm
import pytest
import soundfile

from wesep_like.data.librimix.drawn_metadata import DrawOptions, Share, draw_metadata
from wesep_like.data.librimix.metadata import find_metadata, read_metadata
from wesep_like.data.librimix.mixing import SOURCE_RATE, fitted, mixed, read_scaled
from wesep_like.data.manifest import Noise, Utterance
from wesep_like.data.simulation.draw.librimix import draw_librimix
from wesep_like.errors import AudioError, ConfigError, ManifestError, OutputError


def utterances(**counts):
    return [
        Utterance(f"{speaker}-{number}", speaker, f"{speaker}/{number}", 16000 + number, 16000)
        for speaker, count in counts.items()
        for number in range(count)
    ]


def draw(num, seed=1, noises=(), *, given=None, **options):
    given = utterances(**{name: 4 for name in "abcdefgh"}) if given is None else given
    return draw_librimix(np.random.default_rng(seed), given, noises, num, **options)


@pytest.mark.parametrize("num", [2, 3, 5, 8, 20])
@pytest.mark.parametrize("num_sources", [2, 3])
def test_each_speaker_has_another_utterance_to_enroll_with(num, num_sources):
    for seed in range(20):
        plans = draw(num, seed, num_sources=num_sources)
        heard: dict[str, set[str]] = {}
        for plan in plans:
            speakers = [source.speaker for source in plan.sources]
            assert len(set(speakers)) == len(speakers) == num_sources
            for source in plan.sources:
                heard.setdefault(source.speaker, set()).add(source.id)
        assert len(plans) == num
        assert min(len(names) for names in heard.values()) >= 2
        assert len({frozenset(s.id for s in plan.sources) for plan in plans}) == num


def test_each_utterance_and_each_noise_once_before_any_comes_again():
    noises = [Noise(str(n), f"{n}", 20000, 16000) for n in range(10)]
    plans = draw(16, noises=noises)
    counts = Counter(source.id for plan in plans for source in plan.sources)
    assert set(counts.values()) == {1}
    assert len(counts) == 32
    taken = [plan.noise.id for plan in plans]
    assert sorted(taken[:10]) == sorted(noise.id for noise in noises)


def test_a_noise_as_long_as_the_mixture_goes_first():
    lengths = (8000, 20000, 9000, 30000)
    noises = [Noise(str(n), str(n), length, 16000) for n, length in enumerate(lengths)]
    taken = [plan.noise.num_samples for plan in draw(4, noises=noises)]
    assert sorted(taken[:2]) == [20000, 30000]
    assert [plan.noise for plan in draw(2)] == [None, None]


def test_loudness_is_drawn_from_librimix_ranges():
    drawn = np.array([plan.loudness_lufs for plan in draw(60)])
    assert drawn[:, :2].min() >= -33
    assert drawn[:, :2].max() <= -25
    assert drawn[:, 2].min() >= -38
    assert drawn[:, 2].max() <= -30
    assert np.ptp(drawn, axis=0).min() > 6


def test_a_speaker_with_one_utterance_may_interfere():
    given = utterances(a=6, b=6, x=1, y=1, z=1)
    assert {s.speaker for plan in draw(5, given=given) for s in plan.sources} == {"a", "b"}
    plans = draw(6, given=given, has_lone_interferers=True)
    assert {plan.sources[0].speaker for plan in plans} <= {"a", "b"}
    assert {plan.sources[1].speaker for plan in plans} & {"x", "y", "z"}


def test_what_cannot_be_drawn():
    with pytest.raises(
        ManifestError, match="^1 of 3 speakers have two utterances or more. Expected"
    ):
        draw(3, given=utterances(a=5, b=1, c=1))
    with pytest.raises(ManifestError, match="^only 4 of 5 mixtures can be drawn"):
        draw(5, given=utterances(a=2, b=2))
    with pytest.raises(ManifestError, match="^only 0 of 1 mixtures can be drawn"):
        draw(1)


def test_gains_make_the_loudness_and_the_same_seed_the_same_file(corpus, tmp_path):
    options = DrawOptions("test-clean", min_seconds=0.5)
    path = draw_metadata(corpus.librispeech, tmp_path / "out", 5, options, wham=corpus.wham, seed=3)
    assert path == tmp_path / "out/libri2mix_test-clean.csv"
    drawn = draw_librimix(np.random.default_rng(3), *given(corpus), 5)
    meter = pyloudnorm.Meter(SOURCE_RATE)
    (file,) = find_metadata(tmp_path / "out")
    rows = read_metadata(file)
    for row, plan in zip(rows, drawn, strict=True):
        assert row.mixture_id == "_".join(source.id for source in plan.sources)
        signals = fitted(read_scaled(row, corpus.librispeech, corpus.wham), "max")
        assert np.abs(mixed(list(signals.values()))).max() <= 0.9001
        found = [meter.integrated_loudness(s.astype(float)) for s in signals.values()]
        np.testing.assert_allclose(found, plan.loudness_lufs, atol=0.05)
    again = draw_metadata(
        corpus.librispeech, tmp_path / "again", 5, options, wham=corpus.wham, seed=3
    )
    assert again.read_bytes() == path.read_bytes()


def test_other_mixtures_are_not_written_over(corpus, tmp_path):
    def call(seed=3, **more):
        options = DrawOptions("test-clean", min_seconds=0.5)
        return draw_metadata(corpus.librispeech, tmp_path / "out", 4, options, seed=seed, **more)

    path = call()
    before = path.read_bytes()
    assert call().read_bytes() == before
    published = corpus.metadata / path.name
    for there, more in ((before, {"seed": 4}), (before, {"wham": corpus.wham}), (None, {})):
        path.write_bytes(published.read_bytes() if there is None else there)
        before = path.read_bytes()
        with pytest.raises(OutputError, match=r"test-clean.csv: is there, with other mixtures tha"):
            call(**more)
        assert path.read_bytes() == before


def given(corpus):
    """What `draw_metadata` finds in the corpus."""
    found = [
        Utterance(path.stem, path.parts[-3], str(path), soundfile.info(path).frames, SOURCE_RATE)
        for path in sorted(corpus.librispeech.rglob("*.flac"))
    ]
    noises = [
        Noise(path.stem, str(path), soundfile.info(path).frames, SOURCE_RATE)
        for path in sorted(corpus.wham.rglob("*.wav"))
    ]
    return found, noises


def test_a_loud_mixture_is_turned_down_as_a_whole(corpus, tmp_path):
    """Rare clicks have little loudness, so they would be far above full scale."""
    for path in corpus.librispeech.rglob("*.flac"):
        samples = np.zeros(16000)
        samples[::4000] = 0.5
        soundfile.write(path, samples, 16000)
    options = DrawOptions("test-clean", min_seconds=0.5)
    draw_metadata(corpus.librispeech, tmp_path / "out", 4, options)
    (file,) = find_metadata(tmp_path / "out")
    for row in read_metadata(file):
        assert row.noise is None
        signals = read_scaled(row, corpus.librispeech, None)
        peak = np.abs(mixed(list(signals.values()))).max()
        assert peak == pytest.approx(0.9, abs=1e-4)


def test_shares_are_disjoint(corpus, tmp_path):
    heard = {}
    for name, share in {"dev": Share(0, 0.7), "test": Share(0.3, 1), "rest": Share(0.7, 1)}.items():
        options = DrawOptions("test-clean", name, utterances=share, min_seconds=0.5)
        if name == "rest":
            with pytest.raises(ManifestError, match="^0 of 4 speakers have two utterances"):
                draw_metadata(corpus.librispeech, tmp_path / "out", 2, options)
            continue
        draw_metadata(corpus.librispeech, tmp_path / "out", 4, options)
        (file,) = find_metadata(tmp_path / "out", [name])
        heard[name] = {s.path[-6] for row in read_metadata(file) for s in row.sources}
    assert heard == {"dev": {"0", "1"}, "test": {"1", "2"}}
    options = DrawOptions("test-clean", "two", speakers=Share(0.5, 1), min_seconds=0.5)
    draw_metadata(corpus.librispeech, tmp_path / "out", 2, options)
    (file,) = find_metadata(tmp_path / "out", ["two"])
    assert {s.path.split("/")[1] for r in read_metadata(file) for s in r.sources} == {"3", "4"}


def test_noises_of_wham_are_those_of_the_set(corpus, tmp_path):
    for name, folder in (("a", "tr"), ("b", "cv")):
        (corpus.wham / folder).mkdir()
        soundfile.write(corpus.wham / folder / f"{name}.wav", np.ones(20000) * 0.1, 16000)
    for set_name, folder in {"dev": "cv", "train-100": "tr", "mine": ""}.items():
        options = DrawOptions("test-clean", set_name, min_seconds=0.5)
        draw_metadata(corpus.librispeech, tmp_path / "out", 4, options, wham=corpus.wham)
        (file,) = find_metadata(tmp_path / "out", [set_name])
        folders = {row.noise.path.split("/")[0] for row in read_metadata(file)}
        assert folders == ({folder} if folder else {"tr", "cv", "tt"})


def test_what_is_wrong_with_a_corpus(corpus, tmp_path):
    def call(**options):
        options = DrawOptions(**{"subset": "test-clean", "min_seconds": 0.5, **options})
        draw_metadata(corpus.librispeech, tmp_path / "out", 4, options, wham=tmp_path / "empty")

    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ManifestError, match="dev-clean: has no utterances of 0.5 s or more. Expect"
    ):
        call(subset="dev-clean")
    with pytest.raises(ManifestError, match="empty: has no noises of half a second or more"):
        call()
    with pytest.raises(ConfigError, match="share: expected two numbers, 0 <= low < high <= 1, got"):
        Share(0.5, 0.5)
    for path in corpus.librispeech.rglob("*.flac"):
        soundfile.write(path, np.zeros(16000), 16000)
    with pytest.raises(AudioError, match=r"\.flac: is silent. Take it out of the corpus"):
        draw_metadata(
            corpus.librispeech, tmp_path / "out", 2, DrawOptions("test-clean", min_seconds=0.5)
        )
