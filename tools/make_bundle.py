"""Makes the bundled model, and the example beside it, from an experiment.

python tools/make_bundle.py EXP PLANS --example test-030 --threshold 0.4
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wesep_like import bundle
from wesep_like.audio.io import write
from wesep_like.data.dataset import FixedMixtures
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.plans import read_plans
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore
from wesep_like.models.model_file import (
    load_model,
    read_model_config,
    resolve_model_folder,
    save_model,
)
from wesep_like.models.tse import PARTS


def main() -> None:
    """Writes `wesep_like/bundle`, without its card and licences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path)
    parser.add_argument("plans", type=Path, help="fixed mixtures, one of which is the example")
    parser.add_argument("--example", required=True, help="id of that mixture")
    parser.add_argument("--threshold", type=float, required=True, help="of `wesep-like verify`")
    arguments = parser.parse_args()

    folder = resolve_model_folder(arguments.experiment)
    config = read_model_config(folder)
    # Where its first weights came from is a path on one machine; the card says it in words.
    config["init"] = {}
    config["verification_threshold"] = arguments.threshold
    save_model(bundle.path() / "extraction", load_model(folder), config, half_precision=PARTS)

    plans = {plan.id: plan for plan in read_plans(arguments.plans)}
    plan = plans[arguments.example]
    batch = render(collate([FixedMixtures([plan], AudioStore(plan.sample_rate))[0]]))
    example = bundle.path() / "example"
    example.mkdir(exist_ok=True)
    for name in ("mixture", "target", "enrollment"):
        samples = getattr(batch, name)[0].numpy()
        write(example / f"{name}.wav", samples, plan.sample_rate)


if __name__ == "__main__":
    main()
