import pytest
import torch

from wesep_like.errors import ConfigError
from wesep_like.inference.device import find_device


def test_a_device_is_found_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == torch.device("cpu")
    assert find_device("cpu") == torch.device("cpu")
    assert find_device(torch.device("meta")) == torch.device("meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == torch.device("cuda")
    assert find_device("cuda:1") == torch.device("cuda:1")


def test_messages(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device: expected auto, cpu or cuda, got 'gpu'"):
        find_device("gpu")
    with pytest.raises(ConfigError, match="expected auto, cpu or cuda, got 'cuda:x'"):
        find_device("cuda:x")
    with pytest.raises(ConfigError, match="'cuda' was asked for, but torch .* sees no GPU here"):
        find_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="'cuda:2' was asked for, but the GPUs here are 2"):
        find_device("cuda:2")
