"""A long run holds no more memory than a short one."""

import json
import subprocess
import sys

import pytest

from wesep_like.data.manifest import write_manifest

# In a process of its own, for the highest use of memory is that of the process.
RUN = """
import json, resource, sys
import torch
from wesep_like.config.sections import read_section
from wesep_like.data.dataset import OnlineMixtures
from wesep_like.data.simulation.clips import collate
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.render import render
from wesep_like.data.store import AudioStore

torch.set_num_threads(1)
options = read_section(SimulationOptions, json.loads(sys.argv[1]), "")
planner = MixturePlanner.from_manifests(options, 8000)
dataset = OnlineMixtures(planner, AudioStore(8000, cache_megabytes=0.2), seed=1)
for first in range(0, 2000, 4):
    render(collate([dataset[number] for number in range(first, first + 4)]))
    if first in (496, 1996):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_two_thousand_examples_take_no_more_memory_than_five_hundred(corpus, tmp_path):
    for name in ("utterances", "noise", "rooms"):
        records = getattr(corpus, {"noise": "noises"}.get(name, name))
        write_manifest(tmp_path / f"{name}.jsonl", records)
    options = {
        **{name: str(tmp_path / f"{name}.jsonl") for name in ("utterances", "noise", "rooms")},
        "mixture_seconds": 0.5,
        "enrollment_seconds": 0.4,
        "num_interferers": [1, 2],
        "noise_probability": 0.5,
        "room_probability": 0.5,
        "simulated_rooms": {"kind": "random", "rt60_range_seconds": [0.1, 0.15]},
        "absent_probability": 0.3,
        "augmentation": {"equalizer": {"probability": 0.3}, "clipping": {"probability": 0.3}},
        "enrollment_augmentation": {"noise": {"probability": 0.5}},
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(options)], capture_output=True, text=True, check=True
    )
    early, late = map(int, done.stdout.split())  # kB
    assert late - early < 8000
