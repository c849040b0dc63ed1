"""A calibration as a file of JSON, and how the scores were made that it was learnt from."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wesep_like.config.atomic import atomic_path
from wesep_like.errors import TrialError
from wesep_like.evaluation.score_origin import Origin, differences
from wesep_like.scoring.calibration import Calibration


class OtherScoresWarning(UserWarning):
    """A calibration was learnt from scores that were made another way."""


@dataclass(frozen=True)
class CalibrationFile:
    """A calibration and where it is from.

    Attributes:
        origin: How the scores were made that it was learnt from, as far as that is known.
        where: Its file.
    """

    calibration: Calibration
    origin: Origin
    where: str

    def check_fits(self, origin: Mapping[str, str], where: str | Path) -> None:
        """Warns if scores were made another way than those that it was learnt from.

        Args:
            origin: How they were made, as far as that is known.
            where: What to call them.

        Warns:
            OtherScoresWarning: If that differs.
        """
        needless = set()
        if self.calibration.names == ("score",) and origin.get("norm") == "none":
            needless = {"cohort", "top_n"}  # which then only measures of quality depend on
        known = {name: value for name, value in origin.items() if name not in needless}
        if told := differences(known, self.origin):
            warnings.warn(
                f"{self.where}: was learnt from scores made another way than {where}: "
                f"{'; '.join(told)}. The ratios may be wrong: learn it from scores made this way",
                OtherScoresWarning,
                stacklevel=2,
            )


def write_calibration(
    path: str | Path, calibration: Calibration, learnt_from: Mapping[str, Any], origin: Origin
) -> None:
    """Writes a calibration, whole or not at all.

    Args:
        path: The file.
        calibration: What was learnt.
        learnt_from: What is to be known of that, ready to be written as JSON.
        origin: How the scores were made that it was learnt from.

    Raises:
        OutputError: If the file cannot be written there.
    """
    weights = dict(zip(calibration.names, calibration.weights.tolist(), strict=True))
    content = {
        "weights": weights,
        "offset": calibration.offset,
        "learnt_from": dict(learnt_from),
        "origin": origin,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    with atomic_path(path) as draft:
        draft.write_text(f"{text}\n", encoding="utf-8")


def read_calibration(path: str | Path) -> CalibrationFile:
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
        origin = {str(name): str(value) for name, value in content.get("origin", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrialError(
            f"{path}: no calibration can be read from it ({error}). Write it with 'wesep-like "
            "calibrate'"
        ) from error
    calibration = Calibration(tuple(weights), np.array([*weights.values()]), offset)
    return CalibrationFile(calibration, origin, str(path))
