"""Who speaks beside the target."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from wesep_like.data.simulation.options import HardInterferers, SimulationOptions
from wesep_like.errors import ConfigError, ManifestError

SEX = dict(zip("abcdef", "FMFMFM", strict=True))


def draws(planner, num):
    return [planner.draw(np.random.default_rng([7, n]), mixture_id=str(n)) for n in range(num)]


@pytest.fixture
def with_sex(corpus):
    """The corpus; of speaker f alone no sex is known."""
    return [replace(u, sex=None if u.speaker == "f" else SEX[u.speaker]) for u in corpus.utterances]


@pytest.fixture
def embeddings(corpus, tmp_path):
    """What `embed` writes: speakers on a circle, a beside b, beside c, and so on; two of each."""

    def write(utterances=corpus.utterances, name="embeddings.npz"):
        rng = np.random.default_rng(0)
        kept = [u for u in utterances if u.id[-1] in "01"]
        angles = np.array(["abcdef".index(u.speaker) for u in kept]) * np.pi / 3
        angles = angles + rng.uniform(-0.1, 0.1, len(angles)) + np.array([len(u.id) for u in kept])
        lengths = rng.uniform(1, 20, len(kept))  # which must not matter
        values = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
        np.savez(tmp_path / name, paths=[u.path for u in kept], embeddings=values)
        return str(tmp_path / name)

    return write


def test_the_number_of_interferers_has_the_probabilities_that_were_given(corpus):
    plans = corpus.draw(1000, num_interferers={1: 0.6, 3: 0.1, 2: 0.3})
    counts = Counter(len(plan.interferers) for plan in plans)
    assert counts[1] == pytest.approx(600, abs=50)
    assert counts[2] == pytest.approx(300, abs=50)
    assert counts[3] == pytest.approx(100, abs=35)
    with pytest.raises(ManifestError, match="6 speakers, but a mixture needs 8"):
        corpus.planner(num_interferers={1: 1.0, 6: 0.0}, absent_probability=0.1)


def test_interferers_of_the_same_sex(corpus, with_sex):
    planner = corpus.planner(with_sex, same_sex_probability=1.0)
    plans = draws(planner, 200)
    for plan in plans:
        if plan.target.speaker != "f":
            assert SEX[plan.interferers[0].speaker] == SEX[plan.target.speaker]
            assert plan.interferers[0].speaker != "f"
    of_f = {plan.interferers[0].speaker for plan in plans if plan.target.speaker == "f"}
    assert len(of_f) > 3  # whose sex is not known: anyone
    # Only b and d are known men: a third voice is anyone's.
    crowded = draws(corpus.planner(with_sex, same_sex_probability=1.0, num_interferers=2), 50)
    assert all(len({source.speaker for source in plan.sources}) == 3 for plan in crowded)


def test_hard_interferers_are_the_nearest(corpus, embeddings):
    hard = HardInterferers(embeddings(), probability=1.0, nearest=2)
    seen = Counter()
    for plan in draws(corpus.planner(hard_interferers=hard), 300):
        pair = "abcdef".index(plan.target.speaker), "abcdef".index(plan.interferers[0].speaker)
        step = (pair[1] - pair[0]) % 6
        assert step in (1, 5)
        seen[step] += 1
    assert min(seen.values()) > 100


def test_hard_interferers_come_as_often_as_asked_and_are_the_same_every_time(corpus, embeddings):
    hard = HardInterferers(embeddings(), probability=0.5, nearest=1)
    options = {"num_interferers": 2, "hard_interferers": hard}
    plans, again = (draws(corpus.planner(**options), 200) for _ in range(2))
    assert plans == again
    plain = corpus.draw(200, num_interferers=2)
    changed = [
        tuple(s.speaker for s in plan.interferers) != tuple(s.speaker for s in other.interferers)
        for plan, other in zip(plans, plain, strict=True)
    ]
    assert 60 < sum(changed) < 160
    for plan, other, is_changed in zip(plans, plain, changed, strict=True):
        assert plan.target == other.target
        if not is_changed:
            assert [s.clip.path[:-6] for s in plan.sources] == [
                s.clip.path[:-6] for s in other.sources
            ]


def test_embeddings_that_cannot_be_used(corpus, embeddings, tmp_path):
    def planner(path, **options):
        return corpus.planner(hard_interferers=HardInterferers(path, **options))

    some = embeddings([u for u in corpus.utterances if u.speaker not in "bd"], "some.npz")
    with pytest.raises(
        ManifestError, match=r"some\.npz: no embedding of 2 speakers of train/.*such as 'b'\. Wr"
    ):
        planner(some)
    planner(some, probability=0.0)  # not asked for
    (tmp_path / "text.npz").write_text("nothing")
    np.savez(tmp_path / "other.npz", vectors=np.ones(3))
    np.savez(tmp_path / "shape.npz", paths=["a"], embeddings=np.ones(3))
    for name in ("text", "gone", "other"):
        with pytest.raises(ManifestError, match=rf"{name}\.npz: no embeddings can be read from"):
            planner(str(tmp_path / f"{name}.npz"))
    with pytest.raises(ManifestError, match=r"shape\.npz: paths of shape \(1,\) and embeddings of"):
        planner(str(tmp_path / "shape.npz"))


def test_paths_of_embeddings_may_be_written_otherwise(corpus, embeddings, monkeypatch):
    path = embeddings()
    with np.load(path) as archive:
        names, values = archive["paths"], archive["embeddings"]
    monkeypatch.chdir(corpus.folder)
    np.savez(path, paths=[f"./{name.rpartition('/')[2]}" for name in names], embeddings=values)
    hard = HardInterferers(path, probability=1.0)
    assert draws(corpus.planner(hard_interferers=hard), 3)


def test_nobody_whose_sex_is_known(corpus):
    with pytest.raises(ManifestError, match=r"utterances\.jsonl: no utterance has a sex, but same"):
        corpus.planner(same_sex_probability=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_interferers": {1: 0.5}}, "num_interferers: expected probabilities that add up to 1"),
        ({"num_interferers": {1: 1.5, 2: -0.5}}, "num_interferers: expected probabilities that"),
        ({"num_interferers": {}}, "num_interferers: expected probabilities that add up to 1"),
        ({"num_interferers": {"1": 1.0}}, "num_interferers: expected numbers of 0 or more, each"),
        ({"num_interferers": {-1: 1.0}}, "num_interferers: expected numbers of 0 or more, each"),
        ({"same_sex_probability": 2}, "same_sex_probability: expected 0 to 1, got 2"),
        ({"absent_probability": -1}, "absent_probability: expected 0 to 1, got -1"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        SimulationOptions("u.jsonl", **options)


def test_hard_options_that_cannot_be():
    with pytest.raises(ConfigError) as raised:
        HardInterferers("e.npz", probability=1.5, nearest=0)
    assert raised.value.problems == (
        "probability: expected 0 to 1, got 1.5",
        "nearest: expected at least 1, got 0",
    )
