"""`wesep-like rooms`: responses of simulated rooms, computed ahead of training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.cli.output import progress_bar

EXAMPLES = (
    "wesep-like rooms -o data/rooms --num 1000 --seed 1",
    "wesep-like rooms -o data/rooms --rt60-range-seconds 0.2 0.5 --num-microphones 4",
)


def run(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder for the responses and rooms.jsonl."
        ),
    ],
    num: Annotated[int, typer.Option(min=1, help="How many rooms.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other rooms.")] = 1,
    sample_rate: Annotated[int, typer.Option(help="Of the responses, in Hz.")] = 16000,
    num_sources: Annotated[int, typer.Option(help="Places a room from which it is heard.")] = 4,
    num_microphones: Annotated[int, typer.Option(help="Channels of each response.")] = 1,
    array_radius_m: Annotated[
        float, typer.Option(help="Of the circle of microphones around the first.")
    ] = 0.05,
    lowest_size_m: Annotated[
        tuple[float, float, float], typer.Option(help="Lowest length, width and height.")
    ] = (3.0, 3.0, 2.5),
    highest_size_m: Annotated[
        tuple[float, float, float], typer.Option(help="Highest length, width and height.")
    ] = (10.0, 6.0, 4.0),
    rt60_range_seconds: Annotated[
        tuple[float, float], typer.Option(help="Lowest and highest reverberation time.")
    ] = (0.1, 0.7),
    distance_range_m: Annotated[
        tuple[float, float], typer.Option(help="Lowest and highest, from microphone to source.")
    ] = (0.2, 5.0),
    wall_margin_m: Annotated[float, typer.Option(help="All is so far from the walls.")] = 0.3,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes; 0: this one. Without it, one for each core."),
    ] = None,
) -> None:
    """Compute responses of box-shaped rooms by the image-source model.

    What is there already stays: a run that was broken off goes on, and a larger --num adds rooms.
    Train with them as data.train.rooms=DIR/rooms.jsonl.
    """
    import os

    from wesep_like.data.simulation.room_options import SimulatedRoomOptions
    from wesep_like.data.simulation.room_pool import MANIFEST, PoolOptions, write_pool

    rooms = SimulatedRoomOptions(
        "image",
        (lowest_size_m, highest_size_m),
        rt60_range_seconds,
        distance_range_m,
        wall_margin_m,
    )
    options = PoolOptions(rooms, seed, sample_rate, num_sources, num_microphones, array_radius_m)
    num_workers = (os.cpu_count() or 1) if workers is None else workers
    with progress_bar("rooms") as progress:
        num_new = write_pool(output, num, options, num_workers=num_workers, progress=progress)
    typer.echo(f"{output / MANIFEST}: {num} rooms, {num_new} of them new")
