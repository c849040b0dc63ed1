import numpy as np
import pytest

from wesep_like.errors import TrialError
from wesep_like.scoring import normalisation
from wesep_like.scoring.normalisation import cohort_scores, normalised
from wesep_like.scoring.scorers import Cosine


@pytest.fixture
def voices():
    rng = np.random.default_rng(0)
    return rng.standard_normal((7, 5)), rng.standard_normal((6, 5)), rng.standard_normal((40, 5))


@pytest.mark.parametrize("name", ["z", "t", "s", "as"])
def test_against_a_double_loop(voices, name, monkeypatch):
    monkeypatch.setattr(normalisation, "_BLOCK_NUMBERS", 100)  # two rows at a time, the last alone
    enrolled, tested, cohort = voices
    top_n = 12 if name == "as" else None
    first, second = (places.ravel() for places in np.indices((7, 6)))
    scores = Cosine().pairs(enrolled[first], tested[second])
    found = normalised(
        scores,
        cohort_scores(Cosine(), enrolled, cohort, top_n),
        cohort_scores(Cosine(), tested, cohort, top_n),
        first,
        second,
        name,
    )

    def cosine(x, y):
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    for trial, (a, b) in enumerate(zip(first, second, strict=True)):
        sides = []
        for voice in (enrolled[a], tested[b]):
            of_cohort = sorted((cosine(voice, one) for one in cohort), reverse=True)[:top_n]
            sides.append((scores[trial] - np.mean(of_cohort)) / np.std(of_cohort))
        expected = {"z": sides[0], "t": sides[1]}.get(name, np.mean(sides))
        assert found[trial] == pytest.approx(expected)


def test_messages(voices):
    enrolled, _, cohort = voices
    with pytest.raises(TrialError, match="300 scores .* Expected a top n of 2 to 40, or a larger"):
        cohort_scores(Cosine(), enrolled, cohort, 300)
    with pytest.raises(TrialError, match="cohort: 1 embeddings, .* Expected a larger cohort"):
        cohort_scores(Cosine(), enrolled, cohort[:1])
    with pytest.raises(TrialError, match=r"embeddings\[0\]: has one score with all of the cohort"):
        cohort_scores(Cosine(), enrolled, np.ones((5, 5)))
