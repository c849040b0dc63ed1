"""How large and how fast the separators are, and how much faster than the same written plainly.

    python tools/bench_separators [CONFIG ...] [--repeats 7] [--batch 4]

Prints two Markdown tables. Whatever is measured has a process of its own. Ours and the plain form
take turns, so that what else the machine does meets both; a ratio is the median over the turns,
with the smallest and the largest.

Ours runs as under `wesep-like`, which on a CPU keeps the memory that it frees. The plain form is
measured twice: as a script of its own would run, and with its memory kept too, which leaves what
the layers make of it. All three hold their memory at a time: where that is too much, take a smaller
batch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from measure import (
    HEARD_SECONDS,
    PLAIN,
    RUNS,
    STEP_SECONDS,
    Task,
    built,
    compared,
    measured,
)
from timing import fresh_process

from wesep_like.cli.memory import keep_freed_memory

CONF = Path(__file__).resolve().parents[2] / "conf"
SIZES = ("mini", "libri2mix")
BACKBONES = ("bsrnn", "conv_tasnet", "spex_plus", "dpccn", "tfgridnet")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", type=Path, help="default: all backbones under conf/")
    parser.add_argument("--repeats", type=int, default=7, help="of each measurement (7)")
    parser.add_argument("--batch", type=int, default=4, help="mixtures in a step (4)")
    args = parser.parse_args()
    configs = args.configs or [
        CONF / "mini" / "bundled.yaml",
        *(CONF / size / f"{name}.yaml" for size in SIZES for name in BACKBONES),
    ]
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    print(f"torch {torch.__version__}; float32 on cpu, bf16 on cuda.")
    print(f"Real-time factor: one mixture of {HEARD_SECONDS:g} s.")
    print(f"Step: forward and backward of {args.batch} x {STEP_SECONDS:g} s.\n")
    columns = ("config", "device", "parameters", "GMAC/s of audio", "RTF 1 thread", "RTF 2 threads")
    print(f"| {' | '.join(columns)} | step | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for config in configs:
        for device in devices:
            with fresh_process(keep_freed_memory) as pool:
                task = Task(config, device, args.batch)
                print(pool.apply(measured, (task, args.repeats)), flush=True)
    kept = [f"{run}, plain with memory kept / ours" for run in RUNS]
    print(f"\n| config | device | {' | '.join(f'{run}, plain / ours' for run in RUNS)} ", end="")
    print(f"| {' | '.join(kept)} |\n|---|---|---|---|---|---|")
    for config in configs:
        if type(built(config)[1]) in PLAIN:
            for device in devices:
                print(compared(Task(config, device, args.batch), args.repeats), flush=True)


if __name__ == "__main__":
    main()
