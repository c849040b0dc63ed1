"""How large and how fast the separators are, and how much faster than the same written plainly.

    python tools/bench_separators.py [CONFIG ...] [--repeats 7]

Prints two Markdown tables. Whatever is measured has a process of its own. Ours and the plain form
take turns, so that what else the machine does meets both; a ratio is the median over the turns,
with the smallest and the largest.

Ours runs as under `wesep-like`, which on a CPU keeps the memory that it frees. The plain form is
measured twice: as a script of its own would run, and with its memory kept too, which leaves what
the layers make of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

import torch
from plain_separators import PlainBSRNN, PlainTFGridNet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wesep_like.cli.memory import keep_freed_memory
from wesep_like.config.files import read_config
from wesep_like.losses import NegSISDRLoss
from wesep_like.models.separators import SEPARATORS, Separator
from wesep_like.models.separators.bsrnn import BSRNN
from wesep_like.models.separators.tfgridnet import TFGridNet

CONF = Path(__file__).resolve().parents[1] / "conf"
SIZES = ("mini", "libri2mix")
BACKBONES = ("bsrnn", "conv_tasnet", "spex_plus", "dpccn", "tfgridnet")
HEARD_SECONDS = 4.0  # of one mixture, for the real-time factor
STEP_SECONDS = 3.0  # of each of a step's mixtures
STEP_BATCH = 4
# What takes longer is measured once, and said to be.
PATIENCE_SECONDS = 20.0
RUNS = ("forward", "step")
PLAIN: dict[type, type[nn.Module]] = {BSRNN: PlainBSRNN, TFGridNet: PlainTFGridNet}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", type=Path, help="default: all backbones under conf/")
    parser.add_argument("--repeats", type=int, default=7, help="of each measurement (7)")
    args = parser.parse_args()
    configs = args.configs or [
        CONF / "mini" / "bundled.yaml",
        *(CONF / size / f"{name}.yaml" for size in SIZES for name in BACKBONES),
    ]
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    print(f"torch {torch.__version__}; float32 on cpu, bf16 on cuda.")
    print(f"Real-time factor: one mixture of {HEARD_SECONDS:g} s.")
    print(f"Step: forward and backward of {STEP_BATCH} x {STEP_SECONDS:g} s.\n")
    columns = ("config", "device", "parameters", "GMAC/s of audio", "RTF 1 thread", "RTF 2 threads")
    print(f"| {' | '.join(columns)} | step | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for config in configs:
        for device in devices:
            with fresh_process(keep_freed_memory) as pool:
                print(pool.apply(measured, (config, device, args.repeats)), flush=True)
    kept = [f"{run}, plain with memory kept / ours" for run in RUNS]
    print(f"\n| config | device | {' | '.join(f'{run}, plain / ours' for run in RUNS)} ", end="")
    print(f"| {' | '.join(kept)} |\n|---|---|---|---|---|---|")
    for config in configs:
        if type(built(config)[1]) in PLAIN:
            for device in devices:
                print(compared(config, device, args.repeats), flush=True)


def fresh_process(initializer: Callable[..., None], *args: object) -> Pool:
    """A pool of one process, in which only what is asked for has happened."""
    return multiprocessing.get_context("spawn").Pool(1, initializer, args)


def measured(config: Path, device: str, repeats: int) -> str:
    """A line of the first table."""
    rate, separator = built(config)
    parameters = sum(parameter.numel() for parameter in separator.parameters())
    macs = multiplications(separator, torch.randn(1, rate)) / 1e9
    separator.to(device)
    before = peak_megabytes(device)
    mixture = torch.randn(1, int(HEARD_SECONDS * rate), device=device)
    factors = []
    for threads in (1, 2):
        if device == "cuda" and threads == 2:
            factors.append("")
            continue
        torch.set_num_threads(threads)
        with torch.no_grad(), precision(device):
            seconds = timed(lambda: separator(mixture), repeats, device)
        factors.append(shown(seconds, HEARD_SECONDS))
    step = training_step(separator, rate, device)
    seconds = timed(step, repeats, device)
    memory = peak_megabytes(device) - before
    return (
        f"| {config.parent.name}/{config.stem} | {device} | {parameters / 1e6:.2f} M | {macs:.2f} "
        f"| {factors[0]} | {factors[1]} | {shown(seconds)} s | {memory:.0f} MB |"
    )


def compared(config: Path, device: str, repeats: int) -> str:
    """A line of the second table."""
    contestants = [(True, True), (False, False), *([(False, True)] if device == "cpu" else [])]
    cells: dict[tuple[bool, str], str] = {}
    with ExitStack() as stack:
        pools = [
            stack.enter_context(fresh_process(prepare, config, device, *contestant))
            for contestant in contestants
        ]
        for run in RUNS:
            ours, *theirs = turns([partial(pool.apply, once, (run,)) for pool in pools], repeats)
            for (_, is_kept), seconds in zip(contestants[1:], theirs, strict=True):
                cells[is_kept, run] = ratio(ours, seconds)
    name = f"{config.parent.name}/{config.stem}"
    shown_cells = [cells.get((is_kept, run), "") for is_kept in (False, True) for run in RUNS]
    return f"| {name} | {device} | {' | '.join(shown_cells)} |"


_RUNS: dict[str, Callable[[], object]] = {}
"""What a process that compares is ready to run."""


def prepare(config: Path, device: str, is_ours: bool, is_kept: bool) -> None:
    """Makes a process ready."""
    if is_kept and device == "cpu":
        keep_freed_memory()
    rate, separator = built(config)
    module: nn.Module = separator if is_ours else PLAIN[type(separator)](separator)
    module.to(device)
    mixture = torch.randn(STEP_BATCH, int(STEP_SECONDS * rate), device=device)

    def forward() -> None:
        with torch.no_grad(), precision(device):
            module(mixture)

    _RUNS.update(forward=forward, step=training_step(module, rate, device))
    _RUNS["synchronise"] = lambda: synchronise(device)


def once(run: str) -> float:
    """Seconds of one run."""
    _RUNS["synchronise"]()
    start = time.perf_counter()
    _RUNS[run]()
    _RUNS["synchronise"]()
    return time.perf_counter() - start


def built(config: Path) -> tuple[int, Separator]:
    """Sample rate in Hz and separator of a config."""
    torch.manual_seed(0)
    settings = read_config(config)
    rate = settings["sample_rate"]
    section = settings["model"]["separator"]
    return rate, SEPARATORS.build(section, "model.separator", sample_rate=rate)


def training_step(module: nn.Module, rate: int, device: str) -> Callable[[], object]:
    """Forward and backward on noise, with the loss of training."""
    samples = int(STEP_SECONDS * rate)
    mixture, target = torch.randn(2, STEP_BATCH, samples, device=device)
    loss = NegSISDRLoss()

    def run() -> object:
        module.zero_grad(set_to_none=True)
        with precision(device):
            estimates = module(mixture)
        loss(estimates[:, 0].float(), target).mean().backward()
        return None

    return run


def precision(device: str) -> torch.autocast:
    """bf16 on a GPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


def timed(run: Callable[[], object], repeats: int, device: str) -> list[float]:
    """Seconds of each of the runs."""

    def once() -> float:
        synchronise(device)
        start = time.perf_counter()
        run()
        synchronise(device)
        return time.perf_counter() - start

    return turns([once], repeats)[0]


def turns(runs: list[Callable[[], float]], repeats: int) -> list[list[float]]:
    """What each of `runs` returns, in turns; the first turn does not count."""
    first = [run() for run in runs]
    if max(first) > PATIENCE_SECONDS:
        return [[seconds] for seconds in first]
    counted = [[run() for run in runs] for _ in range(repeats)]
    return [list(each) for each in zip(*counted, strict=True)]


def synchronise(device: str) -> None:
    """Waits until a GPU has done what it was asked."""
    if device == "cuda":
        torch.cuda.synchronize()


def shown(seconds: list[float], per_seconds: float = 1.0) -> str:
    """Median, smallest and largest."""
    each = [value / per_seconds for value in seconds]
    if len(each) == 1:
        return f"{each[0]:.3g} (once)"
    return f"{statistics.median(each):.3g} ({min(each):.3g} .. {max(each):.3g})"


def ratio(ours: list[float], plain: list[float]) -> str:
    """How many times faster ours is."""
    return shown([theirs / own for own, theirs in zip(ours, plain, strict=True)])


def peak_megabytes(device: str) -> float:
    """The most memory that this process has had so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def multiplications(module: nn.Module, mixture: Tensor) -> int:
    """Multiply-accumulates of one forward pass."""
    with counting_lstms() as of_lstms, torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(mixture)
    return counter.get_total_flops() // 2 + sum(of_lstms)


@contextmanager
def counting_lstms() -> Iterator[list[int]]:
    """LSTMs, which the counter of torch does not see, are counted here and not computed."""
    counts: list[int] = []
    forward = nn.LSTM.forward

    def counted(self: nn.LSTM, x: Tensor, state: object = None) -> tuple[Tensor, None]:
        directions = 2 if self.bidirectional else 1
        gates = 4 * self.hidden_size * (self.input_size + self.hidden_size)
        counts.append(x.shape[0] * x.shape[1] * directions * gates)
        return x.new_zeros(*x.shape[:2], directions * self.hidden_size), None

    nn.LSTM.forward = counted  # type: ignore[assignment, method-assign]
    try:
        yield counts
    finally:
        nn.LSTM.forward = forward  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
