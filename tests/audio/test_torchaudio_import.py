import sys

import pytest
import torch

from wesep_like.audio.torchaudio_import import import_torchaudio


class BrokenExtension:
    """Lets the compiled part of torchaudio fail as it does beside another build of PyTorch."""

    def __init__(self, error):
        self.error = error
        self.num_calls = 0

    def find_spec(self, name, path, target=None):
        if name == "torchaudio._extension":
            self.num_calls += 1
            raise self.error


@pytest.fixture
def fresh_modules():
    """No torchaudio has been imported; afterwards, the one that was there is there again."""
    saved = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torchaudio"}
    for name in saved:
        del sys.modules[name]
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
        del sys.modules[name]
    sys.modules.update(saved)


@pytest.mark.parametrize("error", [OSError("libc10_cuda.so"), RuntimeError("another CUDA")])
def test_it_does_without_its_compiled_part(fresh_modules, monkeypatch, error):
    finder = BrokenExtension(error)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    torchaudio = import_torchaudio()
    assert finder.num_calls == 1
    assert torchaudio.functional.resample(torch.ones(1, 160), 16000, 8000).shape == (1, 80)
    with pytest.raises(RuntimeError, match="forced_align needs torchaudio's compiled part"):
        torchaudio.functional.forced_align(None, None, None, None, 0)


def test_a_missing_torchaudio_is_told_as_it_is(fresh_modules, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(ModuleNotFoundError, match="torchaudio"):
        import_torchaudio()
    monkeypatch.undo()
