"""`wesep-like mix`: simulated mixtures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar, say

EXAMPLES = (
    "wesep-like mix data/mini/train -o mixtures/train --num 1000 --seed 1",
    "wesep-like mix data/mini/train -o mixtures/hard --num 100 'sir_range_db=[-10, 0]' "
    "mixture_seconds=4",
)


def run(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with utterances.jsonl, and noise.jsonl or rooms.jsonl if there are any.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE", help="How they are mixed, as in data.train of a config."
        ),
    ] = None,
    num: Annotated[int, typer.Option(min=1, help="How many mixtures.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other mixtures.")] = 1,
    sample_rate: Annotated[int, typer.Option(min=1, help="Of the files, in Hz.")] = 16000,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes; 0: this one. Without it, one for each core."),
    ] = None,
) -> None:
    """Write simulated mixtures in LibriMix's layout: mix_clean, mix_both, s1, s2, noise.

    As LibriMix's, they are as long as the shortest of their utterances, and noise.jsonl is mixed
    in where there is one. The same seed writes the same files, whatever the number of processes.
    """
    import os

    from wesep_like.config.files import with_overrides
    from wesep_like.config.sections import read_section
    from wesep_like.data.simulated_files import PLANS, draw_named, write_simulated
    from wesep_like.data.simulation.draw import MixturePlanner
    from wesep_like.data.simulation.options import SimulationOptions
    from wesep_like.errors import AudioError

    files = {name: data / f"{name}.jsonl" for name in ("utterances", "noise", "rooms")}
    defaults = {
        "utterances": str(files["utterances"]),
        "mixture_seconds": None,
        "enrollment_seconds": None,
        **{name: str(files[name]) for name in ("noise", "rooms") if files[name].exists()},
        "noise_probability": float(files["noise"].exists()),
    }
    options = read_section(SimulationOptions, with_overrides(defaults, overrides or ()), "")
    planner = MixturePlanner.from_manifests(options, sample_rate)
    plans = list(draw_named(planner, num, seed))
    num_workers = (os.cpu_count() or 1) if workers is None else workers
    with progress_bar("mixing") as progress:
        written = write_simulated(plans, output, num_workers=num_workers, progress=progress)
    problems = [one.problem for one in written if one.problem]
    for problem in dict.fromkeys(problems):
        say(f"warning: skipped: {problem}")
    if len(problems) == len(written):
        raise AudioError(f"{data}: no mixture could be made. Check the files that it names")
    seconds = sum(one.plan.num_samples for one in written if not one.problem) / sample_rate
    typer.echo(f"{output}: {len(written) - len(problems)} mixtures, {seconds / 3600:.2f} h")
    typer.echo(f"{output / PLANS}: their plans, for evaluate and data.valid.mixtures")
    if problems:
        raise typer.Exit(1)
