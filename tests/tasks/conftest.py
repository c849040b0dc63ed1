import numpy as np
import pytest
import soundfile

from wesep_like.data.simulation.plans import Clip, EnrollmentPlan, MixturePlan, SourcePlan

RATE = 8000


@pytest.fixture
def plans(tmp_path):
    """Three mixtures of noise, of different lengths, with enrollments of different lengths."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(paths[-1], 0.1 * rng.standard_normal(3 * RATE), RATE)

    def plan(number: int) -> MixturePlan:
        length = 4000 + 800 * number
        target = SourcePlan(str(number), Clip(paths[number], 0, length, RATE))
        other = paths[(number + 1) % 3]
        interferer = SourcePlan("other", Clip(other, 0, length, RATE), sir_db=2.0)
        enrollment = EnrollmentPlan(Clip(paths[number], RATE, 9000 + 900 * number, RATE))
        return MixturePlan(str(number), RATE, length, target, (interferer,), enrollment)

    return [plan(number) for number in range(3)]
