"""Which steps are written, to be resumed from."""

from types import SimpleNamespace

import pytest

from wesep_like.training.last_checkpoint import LastCheckpoint


@pytest.fixture
def written(tmp_path):
    """Steps that are written from a first one on: `written(first, last, every, validate_every)`.

    Of two batches for a step, the second makes it; a validation follows its step.
    """

    def run(first, last, every, validate_every):
        found = []
        callback = LastCheckpoint(tmp_path / "last.ckpt", every, validate_every)
        trainer = SimpleNamespace(global_step=first)
        trainer.save_checkpoint = lambda path: found.append((trainer.global_step, batch))
        callback.on_train_start(trainer, None)
        for step in range(first, last):
            for batch in (1, 2):
                trainer.global_step = step + (batch == 2)
                callback.on_train_batch_end(trainer, None)
            if trainer.global_step % validate_every == 0:
                callback.on_validation_end(trainer, None)
        return [step for step, batch in found if batch == 2], [s for s, b in found if b != 2]

    return run


@pytest.mark.parametrize("first", [0, 3, 4])
def test_whole_steps_are_written_once_also_after_a_resume(written, first):
    assert written(first, 9, every=1, validate_every=4) == (list(range(first + 1, 10)), [])


def test_only_some_are(written):
    assert written(0, 12, every=3, validate_every=4) == ([3, 6, 9, 12], [])
    assert written(3, 12, every=3, validate_every=4) == ([6, 9, 12], [])
