"""Every config that ships is right, as far as that can be told without data."""

from __future__ import annotations

from pathlib import Path

import pytest

from wesep_like.errors import ConfigError
from wesep_like.experiment import check

CONF = Path(__file__).parents[1] / "conf"
CONFIGS = sorted(CONF.rglob("*.yaml"))


def test_there_are_configs():
    assert CONF / "mini" / "bsrnn.yaml" in CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(CONF).as_posix())
def test_it_describes_a_model(path):
    if "name: ssl" in path.read_text(encoding="utf-8"):
        pytest.importorskip("transformers", reason="wants the extra [ssl]")
    assert f"{path}: fine." in check(path)


def test_a_wrong_value_would_be_found():
    with pytest.raises(ConfigError, match=r"bsrnn\.yaml: model\.fusion\.name: .*mean 'film'"):
        check(CONF / "mini" / "bsrnn.yaml", ["model.fusion.name=flim"])
