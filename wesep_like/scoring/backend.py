"""What is learnt from embeddings of known speakers, to compare others by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from wesep_like.errors import ConfigError
from wesep_like.scoring.labels import check_embeddings
from wesep_like.scoring.plda import train_plda
from wesep_like.scoring.psda import train_psda
from wesep_like.scoring.scorers import Cosine, Scorer
from wesep_like.scoring.transforms import LengthNorm, Transform, centring, coral, lda, wccn

KindName: TypeAlias = Literal["cosine", "plda", "psda"]
Labelled: TypeAlias = "tuple[np.ndarray, Sequence[str]]"
"""Embeddings (utterances, dim), and the speaker of each."""


@dataclass(frozen=True)
class Backend:
    """What is done to each embedding, one after another, and how two are compared then."""

    transforms: tuple[Transform, ...] = ()
    scorer: Scorer = Cosine()

    def transform(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings (utterances, dim) as the scorer takes them.

        Raises:
            TrialError: If one is not finite, or zero where its length is to be 1.
        """
        embeddings = check_embeddings(embeddings)
        for transform in self.transforms:
            embeddings = transform(embeddings)
        return embeddings


@dataclass(frozen=True)
class BackendOptions:
    """What to learn.

    Args:
        kind: How two embeddings are compared.
        centre: The mean of the embeddings is taken away first.
        lda: How many directions are kept. None: all, as they are.
        wccn: A speaker is made to vary alike in all directions, after LDA if there is any.

    Raises:
        ConfigError: If nothing is to be learnt.
    """

    kind: KindName
    centre: bool = False
    lda: int | None = None
    wccn: bool = False

    @property
    def needs_speakers(self) -> bool:
        """Whether it has to be known who speaks."""
        return self.kind != "cosine" or self.wccn or self.lda is not None


def train_backend(
    options: BackendOptions,
    embeddings: np.ndarray,
    speakers: Sequence[str] = (),
    *,
    like: np.ndarray | None = None,
    adapt: Labelled | None = None,
    weight: float = 0.5,
) -> Backend:
    """What is learnt of embeddings and their speakers.

    The order is: CORAL or the mean, LDA, WCCN, unit length, then the model. Cosine and PSDA see
    directions only, and PLDA is learnt from embeddings of unit length.

    Args:
        options: What to learn.
        embeddings: (utterances, dim).
        speakers: The name of each one's speaker, if `options.needs_speakers`.
        like: Embeddings of the domain that will be scored, without labels: these are learnt from as
            if they were of it (CORAL), and what is scored is centred by its mean.
        adapt: Of that domain, with labels: PLDA is moved towards what is learnt of these.
        weight: Of these, from 0 to 1.

    Raises:
        TrialError: If the embeddings or speakers cannot be used.
        ConfigError: If options do not go together, or do not suit the embeddings.
    """
    if options.centre and like is not None:
        raise ConfigError("centre: embeddings are centred by those they are to be like. Give one")
    if options == BackendOptions("cosine") and like is None:
        raise ConfigError(
            "kind: cosine learns nothing. Add centre, lda, wccn or embeddings to be like"
        )
    if adapt is not None and options.kind != "plda":
        raise ConfigError(f"adapt: only plda is adapted so, and kind is {options.kind}")
    embeddings = check_embeddings(embeddings)
    transforms: list[Transform] = []

    def add(learnt: Transform, in_use: Transform | None = None) -> None:
        nonlocal embeddings
        embeddings = learnt(embeddings)
        transforms.append(in_use or learnt)

    if like is not None:
        add(coral(embeddings, like), centring(like))
    if options.centre:
        add(centring(embeddings))
    if options.lda is not None:
        add(lda(embeddings, speakers, options.lda))
    if options.wccn:
        add(wccn(embeddings, speakers))
    if options.kind == "cosine":
        return Backend(tuple(transforms), Cosine())
    if options.kind == "psda":
        return Backend(tuple(transforms), train_psda(embeddings, speakers))
    add(LengthNorm())
    plda = train_plda(embeddings, speakers)
    if adapt is not None:
        of_other = Backend(tuple(transforms)).transform(adapt[0])
        plda = plda.adapted(train_plda(of_other, adapt[1]), weight)
    return Backend(tuple(transforms), plda)
