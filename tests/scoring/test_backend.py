import numpy as np
import pytest

from wesep_like.errors import ConfigError, TrialError
from wesep_like.metrics.detection import eer
from wesep_like.scoring.backend import Backend, BackendOptions, train_backend
from wesep_like.scoring.plda import PLDA
from wesep_like.scoring.psda import PSDA
from wesep_like.scoring.scorers import Cosine
from wesep_like.scoring.transforms import Affine, LengthNorm


@pytest.fixture
def training(draw, covariances):
    return draw(60, 8, *covariances, mean=6.0)


def rate(backend, embeddings, speakers):
    """EER of all pairs."""
    first, second = np.triu_indices(len(speakers), 1)
    mapped = backend.transform(embeddings)
    names = np.array(speakers)
    return eer(backend.scorer.pairs(mapped[first], mapped[second]), names[first] == names[second])[
        0
    ]


def test_parts_stand_in_their_order(training):
    def parts(*options, **more):
        backend = train_backend(BackendOptions(*options), *training, **more)
        return [type(part) for part in (*backend.transforms, backend.scorer)]

    assert parts("cosine", True) == [Affine, Cosine]
    assert parts("plda") == [LengthNorm, PLDA]
    assert parts("psda", True, None, True) == [Affine, Affine, PSDA]
    assert parts("plda", True, 3, True) == [Affine, Affine, Affine, LengthNorm, PLDA]
    assert parts("plda", like=training[0]) == [Affine, LengthNorm, PLDA]


def test_what_is_learnt_tells_other_speakers_apart(training, draw, covariances):
    others = draw(20, 6, *covariances, mean=6.0, seed=1)
    plain = rate(Backend(), *others)
    for options in (
        BackendOptions("cosine", lda=2),
        BackendOptions("cosine", centre=True, wccn=True),
        BackendOptions("plda", centre=True),
        BackendOptions("psda", centre=True, wccn=True),
    ):
        assert rate(train_backend(options, *training), *others) < plain - 0.03


def test_a_new_domain(training, draw, covariances):
    """Moved and turned: both ways of adaptation gain on what is learnt of the old domain."""
    turn, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))
    between, within = (turn @ one @ turn.T for one in covariances)
    here = draw(15, 6, between, within, mean=-3.0, seed=4)
    others = draw(20, 6, between, within, mean=-3.0, seed=5)
    options = BackendOptions("plda")
    old = rate(train_backend(options, *training), *others)
    assert rate(train_backend(options, *training, like=here[0]), *others) < old - 0.01
    assert rate(train_backend(options, *training, adapt=here, weight=0.8), *others) < old - 0.01
    none = rate(train_backend(options, *training, adapt=training, weight=1.0), *others)
    assert none == pytest.approx(old, abs=1e-6)


def test_messages(training):
    for options, more, message in (
        (BackendOptions("cosine"), {}, "kind: cosine learns nothing"),
        (BackendOptions("plda", True), {"like": training[0]}, "centre: embeddings are centred by"),
        (
            BackendOptions("psda"),
            {"adapt": training},
            "adapt: only plda is adapted so, and kind is",
        ),
        (
            BackendOptions("plda"),
            {"adapt": training, "weight": 2},
            "weight: expected 0 to 1, got 2",
        ),
        (BackendOptions("plda", lda=9), {}, "lda: expected 1 to 4 directions, as 60 speakers with"),
    ):
        with pytest.raises(ConfigError, match=message):
            train_backend(options, *training, **more)
    with pytest.raises(TrialError, match="speakers: 1, with up to 480 utterances each"):
        train_backend(BackendOptions("plda"), training[0], ["one"] * 480)
