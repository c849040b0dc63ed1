"""Lists of trials and of scores, as files of text: VoxCeleb's, Kaldi's, WeSpeaker's and ours.

A name in a list is the id of an utterance or the path of an audio file. Names have no white space.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn, TypeVar

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import TrialError

_LABELS = {"target": True, "nontarget": False}
_NAME_OF_LABEL = {True: "target", False: "nontarget", None: "unknown"}
_MAX_PROBLEMS = 10


class DuplicateTrialWarning(UserWarning):
    """A list has a trial more than once."""


@dataclass(frozen=True)
class Trial:
    """Two utterances, and whether they have one speaker; None if that is not known."""

    first: str
    second: str
    is_target: bool | None = None


@dataclass(frozen=True)
class ScoredTrial(Trial):
    """A trial, how alike its two voices are, and what else was measured of it, by name."""

    score: float = math.nan
    measures: Mapping[str, float] = field(default_factory=dict)


AnyTrial = TypeVar("AnyTrial", bound=Trial)


def read_trials(path: str | Path) -> list[Trial]:
    """The trials in a list: each line `1 a b` (VoxCeleb), `a b target` (Kaldi), or `a b`.

    Raises:
        TrialError: If the file cannot be read or is empty, or lines are wrong or contradict each
            other; tells up to ten of them, then a count.

    Warns:
        DuplicateTrialWarning: If trials are there more than once; they count once.
    """
    return _read_lines(path, _parse_trial)


def read_scores(path: str | Path) -> list[ScoredTrial]:
    """The scored trials in a file: each line `a b score`, or `a b score target` and more.

    What follows as `name=value` is a measure; further columns as those of WeSpeaker are passed
    over.

    Raises:
        TrialError: As `read_trials`; two different scores of a trial are a contradiction, too.

    Warns:
        DuplicateTrialWarning: As `read_trials`.
    """
    return _read_lines(path, _parse_score)


def write_scores(path: str | Path, scored: Iterable[ScoredTrial]) -> None:
    """Writes lines `a b score`, then `target` or `nontarget` where that is known, then measures.

    Raises:
        OutputError: If the file cannot be written there; an older one then stays as it was.
    """
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8") as file:
        for trial in scored:
            line = f"{trial.first} {trial.second} {trial.score:.6f}"
            if trial.is_target is not None or trial.measures:
                line += f" {_NAME_OF_LABEL[trial.is_target]}"
            for name, value in trial.measures.items():
                line += f" {name}={value:.6g}"
            file.write(f"{line}\n")


def labelled(
    scored: Sequence[ScoredTrial],
    trials: Sequence[Trial] | None = None,
    *,
    where: str | Path = "scores",
    is_all: bool = False,
) -> list[ScoredTrial]:
    """The scored trials, each of which says whether it is a target trial.

    Args:
        scored: Labelled, if there is no list of trials.
        trials: Which trials to count, in this order, and their labels.
        where: What to call the scores in messages.
        is_all: Further scores are an error; else they are left out.

    Raises:
        TrialError: If a trial has no label or no score, or two scores that differ, or the labels of
            the two contradict each other.
    """
    asked: Sequence[Trial] = scored if trials is None else trials
    unlabelled = [trial for trial in asked if trial.is_target is None]
    if unlabelled:
        raise TrialError(
            f"{_pair(unlabelled[0])}: not said whether it is a target trial ({len(unlabelled)} of "
            f"{len(asked)} are such). Give a list of trials with labels."
        )
    of_pair: dict[tuple[str, str], ScoredTrial] = {}
    for trial in scored:
        before = of_pair.setdefault((trial.first, trial.second), trial)
        if before.score != trial.score:
            raise TrialError(
                f"{where}: {_pair(trial)}: two scores, {before.score} and {trial.score}. Keep one."
            )
    lost = [trial for trial in asked if (trial.first, trial.second) not in of_pair]
    if lost:
        raise TrialError(
            f"{where}: {_pair(lost[0])}: has no score ({len(lost)} of {len(asked)} trials are "
            "such). Score all trials, or leave these out of the list."
        )
    if is_all and len(of_pair) > len(asked):
        known = {(trial.first, trial.second) for trial in asked}
        more = next(trial for pair, trial in of_pair.items() if pair not in known)
        raise TrialError(
            f"{where}: {_pair(more)}: scored here alone ({len(of_pair) - len(asked)} of "
            f"{len(of_pair)} trials are such). Score the same trials, or give a list of those that "
            "count"
        )
    found = [of_pair[trial.first, trial.second] for trial in asked]
    pairs = [*zip(found, asked, strict=True)]
    wrong = [(one, trial) for one, trial in pairs if one.is_target == (not trial.is_target)]
    if wrong:
        first, other = wrong[0]
        raise TrialError(
            f"{where}: {_pair(first)}: of kind {_NAME_OF_LABEL[first.is_target]!r} in it, and of "
            f"kind {_NAME_OF_LABEL[other.is_target]!r} in the other file ({len(wrong)} of "
            f"{len(pairs)} trials are such). Correct one of them"
        )
    return [replace(one, is_target=trial.is_target) for one, trial in pairs]


def check_both_kinds(trials: Sequence[Trial], where: str | Path) -> None:
    """Goes on only if some are target trials, and some are not.

    Raises:
        TrialError: If all are of one kind.
    """
    kinds = {trial.is_target for trial in trials}
    if len(kinds) == 1:
        raise TrialError(f"{where}: {_NAME_OF_LABEL[kinds.pop()]} trials only. Expected both kinds")


def names_in(trials: Iterable[Trial]) -> list[str]:
    """Every name that is in the trials, once, as they come."""
    return list(dict.fromkeys(name for trial in trials for name in (trial.first, trial.second)))


def refuse(problems: Sequence[str], rest: str) -> NoReturn:
    """Tells up to ten problems, then how many more of `rest`.

    Raises:
        TrialError: Always.
    """
    if len(problems) > _MAX_PROBLEMS:
        hidden = len(problems) - _MAX_PROBLEMS
        problems = [*problems[:_MAX_PROBLEMS], f"and {hidden} {rest}"]
    raise TrialError("\n".join(problems))


def _parse_trial(fields: list[str]) -> Trial:
    if len(fields) == 2:
        return Trial(fields[0], fields[1])
    if len(fields) == 3 and fields[2] in _LABELS:
        return Trial(fields[0], fields[1], _LABELS[fields[2]])
    if len(fields) == 3 and fields[0] in ("0", "1"):
        return Trial(fields[1], fields[2], fields[0] == "1")
    raise ValueError("expected '1 a b', '0 a b', 'a b target', 'a b nontarget' or 'a b'")


def _parse_score(fields: list[str]) -> ScoredTrial:
    if len(fields) < 3 or (len(fields) > 3 and fields[3] not in _NAME_OF_LABEL.values()):
        raise ValueError("expected 'a b score', 'a b score target' or 'a b score nontarget'")
    measures = {}
    for more in fields[4:]:
        name, sign, value = more.rpartition("=")
        if sign:
            measures[name] = _finite(value, name)
    score = _finite(fields[2], "score")
    label = _LABELS.get(fields[3]) if len(fields) > 3 else None
    return ScoredTrial(fields[0], fields[1], label, score, measures)


def _finite(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number as {name}")
    return value


def _read_lines(path: str | Path, parse: Callable[[list[str]], AnyTrial]) -> list[AnyTrial]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise TrialError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise TrialError(f"{path}: not a text file in UTF-8. Expected one trial a line.") from error
    found: dict[tuple[str, str], tuple[int, AnyTrial]] = {}
    problems, doubled = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            trial = parse(line.split())
            first_number, first = found.setdefault((trial.first, trial.second), (number, trial))
            if first_number != number:
                _check_agree(first, trial, first_number)
                doubled.append((number, first_number))
            turned_number, turned = found.get((trial.second, trial.first), (number, trial))
            if trial.is_target != turned.is_target and None not in (
                trial.is_target,
                turned.is_target,
            ):
                raise ValueError(_contradiction(turned, turned_number))
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}, got {line.strip()!r}")
    if problems:
        refuse(problems, "more bad lines")
    if not found:
        raise TrialError(f"{path}: no trials in it. Expected one a line.")
    if doubled:
        warnings.warn(
            f"{path}: line {doubled[0][0]} has the trial of line {doubled[0][1]} again; counted "
            f"once ({len(doubled)} lines are such)",
            DuplicateTrialWarning,
            stacklevel=3,
        )
    return [trial for _, trial in found.values()]


def _check_agree(first: Trial, again: Trial, first_number: int) -> None:
    if first.is_target != again.is_target:
        raise ValueError(_contradiction(first, first_number))
    score = getattr(first, "score", None)
    if score != getattr(again, "score", None):
        raise ValueError(f"line {first_number} has another score of this trial, {score}")


def _contradiction(other: Trial, number: int) -> str:
    label = _NAME_OF_LABEL[other.is_target]
    return f"line {number} says of these two that they are of kind {label!r}"


def _pair(trial: Trial) -> str:
    return f"{trial.first} {trial.second}"
