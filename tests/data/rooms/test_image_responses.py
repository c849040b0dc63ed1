import math
from pathlib import Path

import numpy as np
import pytest
import torch

import wesep_like
from wesep_like.data.rooms.acoustics import SPEED_OF_SOUND, wall_loss
from wesep_like.data.rooms.decay import rt60_seconds
from wesep_like.data.rooms.image_responses import (
    absorption,
    direct_sample,
    image_responses,
    max_order,
    num_taps,
)

PACKAGE = Path(wesep_like.__file__).parent
RATE = 16000
SIZE, MICROPHONE = (5.0, 4.0, 2.8), (2.0, 1.5, 1.2)
WHOLE = (2.0, 1.5 + 60 * SPEED_OF_SOUND / RATE, 1.2)  # 60 samples off
FAR = (4.5, 3.5, 2.0)


def test_responses_are_as_asked():
    array = [MICROPHONE, (2.0, 1.6, 1.2)]
    responses = image_responses(SIZE, 0.2, array, [WHOLE, FAR], RATE)
    for source, response in zip((WHOLE, FAR), responses, strict=True):
        assert response.dtype == np.float32
        assert response.shape == (num_taps(0.2, MICROPHONE, source, RATE), 2)
        assert response[direct_sample(MICROPHONE, source, RATE), 0] == pytest.approx(1)
        found = rt60_seconds(torch.from_numpy(response[:, 0]), RATE)
        assert found == pytest.approx(0.2, rel=0.15)
    # Over a whole number of samples the direct path is one sample; it comes first.
    direct = direct_sample(MICROPHONE, WHOLE, RATE)
    assert direct == 40 + 60
    assert np.abs(responses[0][: direct + 1, 0]).argmax() == direct
    assert np.abs(responses[0][:direct, 0]).max() < 0.01
    # The second microphone is nearer to the first source.
    first_heard = [np.abs(responses[0][:, channel]).argmax() for channel in range(2)]
    assert first_heard[1] == direct_sample(array[1], WHOLE, RATE) < first_heard[0]
    again = image_responses(SIZE, 0.2, array, [WHOLE, FAR], RATE)
    assert all(np.array_equal(a, b) for a, b in zip(responses, again, strict=True))


@pytest.mark.parametrize("size", [(3.0, 3.0, 3.0), (10.0, 3.0, 2.5)])
def test_walls_swallow_what_rt60_asks_for(size):
    length, width, height = size
    surface = 2 * (length * width + length * height + width * height)
    eyring = 24 * math.log(10) * math.prod(size) / (SPEED_OF_SOUND * surface * 0.4)
    # Longer rooms decay more slowly than Eyring says, and need more for the same RT60.
    more = wall_loss(size, 0.4) / eyring
    assert (1.05 < more < 1.15) if size[0] == size[1] else (2 < more < 2.5)
    assert wall_loss(size, 0.2) == pytest.approx(2 * wall_loss(size, 0.4))
    assert absorption(size, 0.4) == pytest.approx(1 - math.exp(-wall_loss(size, 0.4)))
    assert max_order(size, 0.4) * wall_loss(size, 0.4) >= 6 * math.log(10)


def test_pyroomacoustics_is_imported_only_where_it_is_used():
    # It takes a second, which each worker process and each command would spend.
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    lines = [line for source in sources for line in source.splitlines()]
    imports = [line for line in lines if "import" in line and "pyroomacoustics" in line]
    assert imports == ["    import pyroomacoustics"]
