"""A calibration as a file of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import TrialError
from wesep_like.scoring.calibration import Calibration


def write_calibration(
    path: str | Path, calibration: Calibration, learnt_from: Mapping[str, Any]
) -> None:
    """Writes a calibration, whole or not at all.

    Args:
        path: The file.
        calibration: What was learnt.
        learnt_from: What is to be known of that, ready to be written as JSON.

    Raises:
        OutputError: If the file cannot be written there.
    """
    weights = dict(zip(calibration.names, calibration.weights.tolist(), strict=True))
    content = {
        "weights": weights,
        "offset": calibration.offset,
        "learnt_from": dict(learnt_from),
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    with atomic_path(path) as draft:
        draft.write_text(f"{text}\n", encoding="utf-8")


def read_calibration(path: str | Path) -> Calibration:
    """The calibration in a file.

    Raises:
        TrialError: If it is none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        weights = {str(name): float(value) for name, value in content["weights"].items()}
        offset = float(content["offset"])
        if not weights or not all(map(math.isfinite, [*weights.values(), offset])):
            raise ValueError("weights are not finite numbers")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrialError(
            f"{path}: no calibration can be read from it ({error}). Write it with 'wesep-like "
            "calibrate'"
        ) from error
    return Calibration(tuple(weights), np.array([*weights.values()]), offset)
