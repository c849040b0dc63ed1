"""`wesep-like info`: what a model is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wesep_like.cli import options
from wesep_like.cli.output import print_result

EXAMPLES = ("wesep-like info exp/film", "wesep-like info")


def run(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL", help="Experiment or model folder. Without it, the bundled model."
        ),
    ] = None,
    trust_code: options.TrustCode = False,
    as_json: options.Json = False,
) -> None:
    """Load a model and say what it is made of."""
    from wesep_like.inference.models import find_model
    from wesep_like.models.model_file import ENCODER_TASKS

    found = find_model(model, trust_code=trust_code)
    loaded, config = found.model, found.config
    parts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in loaded.named_children()
    }
    if config["task"] in ENCODER_TASKS:
        parts = {"speaker": sum(parts.values())}
    result = {
        "model": str(found.place),
        "task": config["task"],
        "sample_rate": config["sample_rate"],
        "num_parameters": sum(parts.values()),
        "num_parameters_of": parts,
        "num_bytes": found.weights.stat().st_size,
        "verification_threshold": config.get("verification_threshold"),
        "config": config["model"],
    }
    print_result(result, _lines(result), as_json=as_json)


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"model: {result['model']}"
    yield f"task: {result['task']}"
    yield f"sample rate: {result['sample_rate']} Hz"
    megabytes = result["num_bytes"] / 1e6
    yield f"parameters: {result['num_parameters'] / 1e6:.2f} M, {megabytes:.1f} MB on disk"
    for part, count in result["num_parameters_of"].items():
        yield f"  {part}: {count / 1e6:.2f} M"
    for key, value in result["config"].items():
        options = value
        if isinstance(value, dict):
            options = ", ".join(f"{key} {option}" for key, option in value.items())
        yield f"{key}: {options}"
    if result["verification_threshold"] is not None:
        yield f"same speaker from a score of {result['verification_threshold']}"
