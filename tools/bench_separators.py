"""How large and how fast the separators are, and how much faster than the same written plainly.

    python tools/bench_separators.py [CONFIG ...] [--repeats 7]

Prints two Markdown tables. Each line is measured in a process of its own. Ours and the plain form
take turns, so that what else the machine does meets both; a ratio is the median over the turns,
with the smallest and the largest.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from plain_separators import PlainBSRNN, PlainTFGridNet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

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
            print(alone(measured, config, device, args.repeats), flush=True)
    print("\n| config | device | forward, plain / ours | step, plain / ours |")
    print("|---|---|---|---|")
    for config in configs:
        for device in devices:
            line = alone(compared, config, device, args.repeats)
            if line is not None:
                print(line, flush=True)


def alone(function: Callable[..., str | None], *args: object) -> str | None:
    """What `function` returns in a process of its own, whose peak memory is only its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


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
            seconds = timed([lambda: separator(mixture)], repeats, device)[0]
        factors.append(shown(seconds, HEARD_SECONDS))
    step = training_step(separator, rate, device)
    seconds = timed([step], repeats, device)[0]
    memory = peak_megabytes(device) - before
    return (
        f"| {config.parent.name}/{config.stem} | {device} | {parameters / 1e6:.2f} M | {macs:.2f} "
        f"| {factors[0]} | {factors[1]} | {shown(seconds)} s | {memory:.0f} MB |"
    )


def compared(config: Path, device: str, repeats: int) -> str | None:
    """A line of the second table; None where nothing is written plainly."""
    rate, separator = built(config)
    plain: nn.Module
    if isinstance(separator, BSRNN):
        plain = PlainBSRNN(separator)
    elif isinstance(separator, TFGridNet):
        plain = PlainTFGridNet(separator)
    else:
        return None
    pair = [separator.to(device), plain.to(device)]
    mixture = torch.randn(STEP_BATCH, int(STEP_SECONDS * rate), device=device)

    def forward(module: nn.Module) -> Callable[[], object]:
        def run() -> object:
            with torch.no_grad(), precision(device):
                return module(mixture)

        return run

    forwards = ratio(*timed([forward(module) for module in pair], repeats, device))
    steps = ratio(*timed([training_step(module, rate, device) for module in pair], repeats, device))
    return f"| {config.parent.name}/{config.stem} | {device} | {forwards} | {steps} |"


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


def timed(runs: list[Callable[[], object]], repeats: int, device: str) -> list[list[float]]:
    """Seconds of each of `runs`, which take turns; the first turn does not count."""
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(repeats + 1):
        for run, its in zip(runs, seconds, strict=True):
            synchronise(device)
            start = time.perf_counter()
            run()
            synchronise(device)
            its.append(time.perf_counter() - start)
        if turn == 0 and max(its[0] for its in seconds) > PATIENCE_SECONDS:
            return seconds
    return [its[1:] for its in seconds]


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
