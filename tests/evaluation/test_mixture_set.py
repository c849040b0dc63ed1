import json

import pytest

from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.data.simulation.plans import (
    Clip,
    EnrollmentPlan,
    MixturePlan,
    SourcePlan,
    write_plans,
)
from wesep_like.errors import ManifestError
from wesep_like.evaluation.mixture_set import find_mixtures, read_mixture_set


@pytest.fixture
def folder(tmp_path):
    """A data folder with one mixture, of files that nobody reads."""
    target, other, enrollment = (Clip(f"{name}.wav", 0, 8, 16000) for name in "abc")
    plan = MixturePlan(
        "m",
        16000,
        8,
        SourcePlan("s", target),
        (SourcePlan("t", other),),
        EnrollmentPlan(enrollment),
    )
    write_plans(tmp_path / "mixtures.jsonl", [plan])
    return tmp_path


def test_what_lies_beside_the_mixtures_tells_of_them(folder):
    alone = read_mixture_set(folder)
    assert ([plan.id for plan in alone.plans], alone.sexes, alone.about) == (["m"], {}, {})
    utterances = [
        Utterance("s1", "s", "a.wav", 8, 16000, sex="F"),
        Utterance("t1", "t", "b.wav", 8, 16000),
    ]
    write_manifest(folder / "utterances.jsonl", utterances)
    (folder / "about.json").write_text(json.dumps({"corpus": "Libri2Mix"}))
    for named in (folder, folder / "mixtures.jsonl"):
        mixtures = read_mixture_set(named)
        assert mixtures.sexes == {"s": "F"}
        assert mixtures.about == {"corpus": "Libri2Mix"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is no JSON"),
        ("[]", "one object of texts"),
        ('{"mixtures": 1}', "one object of texts"),
    ],
)
def test_an_about_that_is_none(folder, text, problem):
    (folder / "about.json").write_text(text)
    with pytest.raises(ManifestError, match=rf"about\.json: .*{problem}.*prepare' writes it"):
        read_mixture_set(folder)


def test_finding_mixtures(folder):
    assert find_mixtures(folder) == find_mixtures(folder / "mixtures.jsonl")
    (folder / "empty").mkdir()
    with pytest.raises(ManifestError, match=r"empty: no mixtures\.jsonl in it\. Name a data"):
        find_mixtures(folder / "empty")
    for name in ("test", "dev"):
        (folder / "sets" / name).mkdir(parents=True)
        (folder / "sets" / name / "mixtures.jsonl").touch()
    with pytest.raises(ManifestError, match=r"such a file\. There is one in \S+/dev, \S+/test$"):
        find_mixtures(folder / "sets")
    with pytest.raises(ManifestError, match="gone: no such file or folder"):
        find_mixtures(folder / "gone")
