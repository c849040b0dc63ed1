"""What `__main__.py` prints, measured."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import torch
import yaml
from plain import FORMS, LOOP, OURS, SAMPLE_RATE, build_ours
from torch import Tensor

from wesep_like.cli.memory import keep_freed_memory
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.base import FbankEncoder

sys.path.append(str(Path(__file__).resolve().parents[1]))
from timing import fresh_process, ratio, seconds_of, shown, turns

HEARD_SECONDS = 4.0  # of one enrollment
UTTERANCE_SECONDS = 3.0  # of each in a batch of features
# Features take milliseconds: a turn is so many runs.
RUNS_A_TURN = 5
NEAR = 1e-4  # between two forms of a feature


def encoders() -> list[str]:
    """Every encoder of filterbanks as published, and the other sizes of those that have some."""
    found: list[str] = []
    for name in SPEAKERS.names():
        kind = SPEAKERS.find({"name": name}, "speaker")
        if issubclass(kind, FbankEncoder) and not kind.is_fixed:
            found.append(name)
    sizes = ["ecapa_tdnn channels=1024", *(f"redimnet size=B{number}" for number in range(7))]
    found.remove("redimnet")  # it is there by its sizes
    return sorted([*found, *sizes])


def built(encoder: str) -> FbankEncoder:
    """The encoder of a name and options, as in `redimnet size=B0`."""
    name, *options = encoder.split()
    section = {"name": name}
    for option in options:
        key, _, value = option.partition("=")
        section[key] = yaml.safe_load(value)
    torch.manual_seed(0)
    speaker = SPEAKERS.build(section, "speaker", sample_rate=SAMPLE_RATE)
    if not isinstance(speaker, FbankEncoder):
        raise SystemExit(f"{name}: no encoder of filterbanks")
    return speaker.eval()


def prepare(is_kept: bool) -> None:
    """Makes a process ready: one thread, and freed memory kept or not."""
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    if is_kept:
        keep_freed_memory()


def measured(encoder: str, repeats: int) -> str:
    """A line of the first table."""
    speaker = built(encoder)
    parameters = sum(parameter.numel() for parameter in speaker.parameters())
    enrollment = 0.1 * torch.randn(1, int(HEARD_SECONDS * SAMPLE_RATE))
    runs = [partial(seconds_of, partial(module, enrollment)) for module in (speaker, speaker.fbank)]
    whole, features = turns(runs, repeats)
    percent = [100 * part / all_ for part, all_ in zip(features, whole, strict=True)]
    return (
        f"| `{encoder}` | {parameters / 1e6:.2f} M "
        f"| {shown(whole, HEARD_SECONDS)} | {shown(percent)} % |"
    )


def compared(batch: int, is_kept: bool, repeats: int) -> list[str]:
    """Lines of the second table."""
    with ExitStack() as stack:
        pools = [stack.enter_context(fresh_process(prepare, is_kept)) for _ in FORMS]
        runs = [
            partial(pool.apply, once, (form, batch))
            for form, pool in zip(FORMS, pools, strict=True)
        ]
        seconds = dict(zip(FORMS, turns(runs, repeats), strict=True))
    return [
        f"| {form} | {'kept' if is_kept else 'given back'} | {shown(each, 1e-3)} ms "
        f"| {ratio(each, seconds[LOOP])} | {ratio(seconds[OURS], each)} |"
        for form, each in seconds.items()
    ]


def once(form: str, batch: int) -> float:
    """Seconds of one run, the mean of several."""
    samples = utterances(batch)
    run = partial(FORMS[form], samples)
    return sum(seconds_of(run) for _ in range(RUNS_A_TURN)) / RUNS_A_TURN


def agreement(batch: int) -> list[str]:
    """Lines of the third table."""
    samples = utterances(batch)
    features = {form: compute(samples) for form, compute in FORMS.items()}
    exact = build_ours().double()(samples.double())
    lines = []
    for form, each in features.items():
        difference = each - features[LOOP]
        percent = 100 * (difference.abs() <= NEAR).double().mean()
        lines.append(
            f"| {form} | {difference.norm() / features[LOOP].norm():.1e} "
            f"| {_largest(difference)} | {percent:.2f} % | {_largest(each - exact)} |"
        )
    return lines


@cache
def utterances(batch: int) -> Tensor:
    """Noise, the same in every process."""
    generator = torch.Generator().manual_seed(0)
    samples = int(UTTERANCE_SECONDS * SAMPLE_RATE)
    return 0.1 * torch.randn(batch, samples, generator=generator)


def _largest(difference: Tensor) -> str:
    return f"{difference.abs().max():.1e}"
