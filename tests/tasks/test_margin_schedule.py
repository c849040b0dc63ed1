import pytest

from wesep_like.errors import ConfigError
from wesep_like.tasks.margin_schedule import MarginSchedule


def test_it_is_nothing_then_rises_ever_more_slowly_then_all():
    schedule = MarginSchedule(start_step=20, end_step=40)
    assert [schedule.share(step) for step in (0, 19, 20)] == [0, 0, 0]
    # As published: what is wanting falls by the same factor in each step, to a thousandth.
    assert schedule.share(30) == pytest.approx(1 - 0.001**0.5)
    wanting = [1 - schedule.share(step) for step in range(20, 40)]
    assert all(
        after / before == pytest.approx(0.001 ** (1 / 20))
        for before, after in zip(wanting[:-1], wanting[1:], strict=True)
    )
    assert [schedule.share(step) for step in (40, 41, 10**6)] == [1, 1, 1]


def test_steps_in_the_wrong_order():
    with pytest.raises(ConfigError) as caught:
        MarginSchedule(start_step=-1, end_step=-1)
    assert caught.value.problems == (
        "start_step: expected at least 0, got -1",
        "end_step: expected more than start_step, which is -1, got -1",
    )
