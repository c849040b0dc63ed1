"""Options that several commands have, with one name and one text each, and wrong use of options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wesep_like.errors import WesepLikeError


class UsageError(WesepLikeError):
    """Arguments that do not go together, or do not suffice."""


Model = Annotated[
    Path | None,
    typer.Option(
        metavar="MODEL",
        help="Experiment folder or model folder; of an encoder, an .onnx file too. Without it, the "
        "bundled model.",
    ),
]
Device = Annotated[
    str,
    typer.Option(metavar="DEVICE", help="auto (a GPU if there is one), cpu, cuda or cuda:NUMBER."),
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code", help="Import classes of your own that the model names (module:Class)."
    ),
]
Vad = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How silence in the voice's recordings is found, to be cut away: energy, silero (of "
        "the package silero-vad) or none.",
    ),
]
MaxSeconds = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Hear no more of each of the voice's recordings: the first seconds."
    ),
]
EmbedWorkers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=0,
        help="Processes that hear recordings; where a GPU does that, that read ahead of it.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The experiment, as YAML.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY.PATH=VALUE", help="Laid over CONFIG, such as model.fusion.name=film."
    ),
]
