"""Trials -> scores -> error rates.

A name in a list of trials is the id of an utterance or the path of an audio file. The score of a
trial is the cosine of the angle between two embeddings, larger for more alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wesep_like.audio import io
from wesep_like.config.atomic import atomic_path
from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.errors import AudioError, TrialError
from wesep_like.inference.embedder import Embedder
from wesep_like.metrics.detection import eer, min_dcf

UTTERANCES = "utterances.jsonl"

_LABELS = {"target": True, "nontarget": False}
_NAME_OF_LABEL = {value: name for name, value in _LABELS.items()}
_P_TARGETS = (0.01, 0.05)  # as published VoxCeleb results and as the VoxSRC challenge have it
_MAX_PROBLEMS = 10


@dataclass(frozen=True)
class Trial:
    """Two utterances, and whether they have one speaker; None if that is not known."""

    first: str
    second: str
    is_target: bool | None = None


@dataclass(frozen=True)
class ScoredTrial(Trial):
    """A trial and how alike its two voices are."""

    score: float = math.nan


def read_trials(path: str | Path) -> list[Trial]:
    """The trials in a list: each line `1 a b` (VoxCeleb), `a b target` (Kaldi), or `a b`.

    Names have no white space in them.

    Raises:
        TrialError: If the file cannot be read or is empty, or lines are wrong; tells up to ten of
            them, then a count.
    """
    return _read_lines(path, _parse_trial)


def find_audio(
    trials: Iterable[Trial],
    root: str | Path,
    utterances: str | Path | None = None,
) -> dict[str, Path]:
    """Where the audio of each name is: the utterance of that id, else a file at that path.

    Args:
        trials: Whose names to look up.
        root: The folder that paths are relative to; usually that of the list of trials.
        utterances: A manifest. None: `utterances.jsonl` in the root, if there is one.

    Raises:
        TrialError: If names are neither; tells up to ten of them, then a count.
        ManifestError: If the manifest is wrong.
    """
    root = Path(root)
    if utterances is None and (root / UTTERANCES).is_file():
        utterances = root / UTTERANCES
    known = [] if utterances is None else read_manifest(utterances, Utterance)
    path_of_id = {utterance.id: Path(utterance.path) for utterance in known}
    names = dict.fromkeys(name for trial in trials for name in (trial.first, trial.second))
    found = {name: path_of_id.get(name, root / name) for name in names}
    lost = [name for name, path in found.items() if name not in path_of_id and not path.is_file()]
    if lost:
        ids = f"no utterance in {utterances} has that id, and " if utterances else ""
        _refuse(
            [f"{name}: {ids}there is no file {found[name]}" for name in lost], "more such names"
        )
    return found


def score_trials(
    embedder: Embedder,
    trials: Sequence[Trial],
    audio: Mapping[str, str | Path],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[ScoredTrial], list[str]]:
    """The trials with their scores, in order; each file is read and embedded once.

    Args:
        embedder: What hears the voices.
        trials: Labelled or not.
        audio: Where the audio of each name is; see `find_audio`.
        progress: Told (files done, all files).

    Returns:
        The scored trials, but those with an unusable file; and one line for each such file.
    """
    names = list(dict.fromkeys(name for trial in trials for name in (trial.first, trial.second)))
    directions: dict[str, np.ndarray] = {}
    problems = []
    for number, name in enumerate(names, start=1):
        try:
            waveform = io.read(audio[name])
            embedding = embedder.embed(
                waveform.samples, waveform.sample_rate, where=str(audio[name])
            )
            directions[name] = embedding / np.linalg.norm(embedding)
        except AudioError as error:
            problems.append(str(error))
        if progress:
            progress(number, len(names))
    scored = [
        ScoredTrial(
            trial.first,
            trial.second,
            trial.is_target,
            float(directions[trial.first] @ directions[trial.second]),
        )
        for trial in trials
        if trial.first in directions and trial.second in directions
    ]
    return scored, problems


def write_scores(path: str | Path, scored: Iterable[ScoredTrial]) -> None:
    """Writes lines `a b score`, and `target` or `nontarget` after it where that is known.

    Raises:
        OutputError: If the file cannot be written there; an older one then stays as it was.
    """
    lines = [
        f"{trial.first} {trial.second} {trial.score:.6f}"
        + (f" {_NAME_OF_LABEL[trial.is_target]}" if trial.is_target is not None else "")
        for trial in scored
    ]
    with atomic_path(path) as draft:
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_scores(path: str | Path) -> list[ScoredTrial]:
    """The scored trials in a file: each line `a b score` or `a b score target`.

    Raises:
        TrialError: If the file cannot be read or is empty, or lines are wrong; tells up to ten of
            them, then a count.
    """
    return _read_lines(path, _parse_score)


def label_scores(
    scored: Sequence[ScoredTrial], trials: Sequence[Trial] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and whether each belongs to a target trial, (trials,) both, for `eer_report`.

    Args:
        scored: Labelled, if there is no list of trials.
        trials: Which trials to count, in this order, and their labels. Further scores are left out.

    Raises:
        TrialError: If a trial has no label or no score, or two that differ.
    """
    if trials is None:
        trials = scored
    unlabelled = [trial for trial in trials if trial.is_target is None]
    if unlabelled:
        raise TrialError(
            f"{_pair(unlabelled[0])}: not said whether it is a target trial ({len(unlabelled)} of "
            f"{len(trials)} are such). Give a list of trials with labels."
        )
    score_of_pair: dict[tuple[str, str], float] = {}
    for trial in scored:
        pair = (trial.first, trial.second)
        if score_of_pair.setdefault(pair, trial.score) != trial.score:
            raise TrialError(
                f"{_pair(trial)}: two scores, {score_of_pair[pair]} and {trial.score}. Keep one."
            )
    lost = [trial for trial in trials if (trial.first, trial.second) not in score_of_pair]
    if lost:
        raise TrialError(
            f"{_pair(lost[0])}: has no score ({len(lost)} of {len(trials)} trials are such). "
            "Score all trials, or leave these out of the list."
        )
    scores = np.array([score_of_pair[trial.first, trial.second] for trial in trials])
    return scores, np.array([bool(trial.is_target) for trial in trials])


def eer_report(scores: ArrayLike, is_target: ArrayLike) -> dict[str, Any]:
    """Error rates, as fractions: ready to be written as JSON.

    Args:
        scores: (trials,), larger means more alike.
        is_target: (trials,), whether the speaker is the same: booleans, or 0 and 1.

    Returns:
        `eer`; `eer_threshold`, the score at which it is reached; `min_dcf`, by the probability of a
        target trial; `num_trials`, `num_target`; `mean_target`, `mean_nontarget`, the mean scores.

    Raises:
        TrialError: If the lengths differ, a score is not finite, or a class has no trial.
    """
    rate, threshold = eer(scores, is_target)
    scores, is_target = np.asarray(scores, np.float64), np.asarray(is_target).astype(bool)
    return {
        "eer": rate,
        "eer_threshold": threshold,
        "min_dcf": {str(p): min_dcf(scores, is_target, p_target=p) for p in _P_TARGETS},
        "num_trials": len(scores),
        "num_target": int(is_target.sum()),
        "mean_target": float(scores[is_target].mean()),
        "mean_nontarget": float(scores[~is_target].mean()),
    }


def _parse_trial(fields: list[str]) -> Trial:
    if len(fields) == 2:
        return Trial(fields[0], fields[1])
    if len(fields) == 3 and fields[2] in _LABELS:
        return Trial(fields[0], fields[1], _LABELS[fields[2]])
    if len(fields) == 3 and fields[0] in ("0", "1"):
        return Trial(fields[1], fields[2], fields[0] == "1")
    raise ValueError("expected '1 a b', '0 a b', 'a b target', 'a b nontarget' or 'a b'")


def _parse_score(fields: list[str]) -> ScoredTrial:
    if len(fields) not in (3, 4) or (len(fields) == 4 and fields[3] not in _LABELS):
        raise ValueError("expected 'a b score', 'a b score target' or 'a b score nontarget'")
    try:
        score = float(fields[2])
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(f"expected a finite number as score, got {fields[2]!r}")
    return ScoredTrial(
        fields[0], fields[1], _LABELS[fields[3]] if len(fields) == 4 else None, score
    )


def _read_lines(path: str | Path, parse: Callable[[list[str]], Any]) -> list[Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise TrialError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise TrialError(f"{path}: not a text file in UTF-8. Expected one trial a line.") from error
    parsed, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            parsed.append(parse(line.split()))
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}, got {line.strip()!r}")
    if problems:
        _refuse(problems, "more bad lines")
    if not parsed:
        raise TrialError(f"{path}: no trials in it. Expected one a line.")
    return parsed


def _refuse(problems: Sequence[str], rest: str) -> None:
    if len(problems) > _MAX_PROBLEMS:
        hidden = len(problems) - _MAX_PROBLEMS
        problems = [*problems[:_MAX_PROBLEMS], f"and {hidden} {rest}"]
    raise TrialError("\n".join(problems))


def _pair(trial: Trial) -> str:
    return f"{trial.first} {trial.second}"
