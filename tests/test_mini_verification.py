"""The recipe for verification, run for real: a few speakers of the small corpus go through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from wesep_like.data.manifest import Utterance, read_manifest
from wesep_like.evaluation.trials import read_scores, read_trials

ROOT = Path(__file__).parents[1]
SCRIPT = "recipes/mini_verification/run.sh"
TINY = [
    *("trainer.num_steps=2", "trainer.validate_every=2", "trainer.batch_size=4"),
    *("trainer.num_workers=0", "schedule.warmup_steps=0", "margin_schedule=null"),
    *("data.train.utterances_per_speaker=null", "data.valid.max_seconds=1"),
    *("model.speaker.channels=16", "model.speaker.pooled_dim=32", "model.speaker.embed_dim=16"),
]


def link_some(source: Path, target: Path, num_folders: int, num_files: int) -> None:
    """So many of the folders in `source`, the smallest first, with so many of their files each."""
    folders = sorted(
        (folder for folder in source.iterdir() if folder.is_dir()),
        key=lambda folder: (sum(path.is_file() for path in folder.rglob("*")), folder.name),
    )
    for folder in folders[:num_folders]:
        for path in sorted(path for path in folder.rglob("*") if path.is_file())[:num_files]:
            link = target / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)


@pytest.fixture(scope="module")
def root(shared, tmp_path_factory):
    """A folder that is to the recipe what the repository is, and `corpus` in it."""
    root, whole = tmp_path_factory.mktemp("root"), shared / "corpus"
    for name in ("conf", "recipes"):
        (root / name).symlink_to(ROOT / name)
    parts = {
        "LibriSpeech/train-clean-100": (18, 1),
        "LibriSpeech/test-other": (3, 2),
        "speechocean762": (12, 2),
        "noise": (1, 2),
    }
    for part, numbers in parts.items():
        link_some(whole / part, root / "corpus" / part, *numbers)
    (root / "corpus/rirs").symlink_to(whole / "rirs")
    return root


def run(root: Path, env: dict[str, str], system: str, *overrides: str) -> tuple[int, str]:
    """The exit code of the recipe for one system, and what it printed."""
    done = subprocess.run(
        [root / SCRIPT, root / "corpus", system, *overrides],
        env=env | {"CONDITIONS": "hard", "TOP_N": "5"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def assert_scored(root: Path, system: str, said: str, *scorings: str) -> None:
    """All trials have scores, and error rates were told with intervals."""
    for scoring in scorings:
        path = root / f"exp/mini_verification/{system}/hard.{scoring}.txt"
        scores = [trial.score for trial in read_scores(path)]
        assert len(scores) == 240
        assert np.isfinite(scores).all()
        assert np.std(scores) > 0
    assert said.count("in brackets, 95 % intervals over 3 speakers") == len(scorings)


@pytest.fixture(scope="module")
def said(root, commands_on_path):
    """What the recipe printed of two systems, one after the other."""
    said = {}
    for system, overrides in {"xvector": TINY, "gmm_ubm": []}.items():
        code, said[system] = run(root, commands_on_path, system, *overrides)
        assert code == 0, said[system]
    return said


def test_hard_crops_are_short_and_are_not_compared_with_their_own_utterance(root, said):
    folder = root / "data/mini_verification"
    utterances = {u.id: u for u in read_manifest(folder / "utterances.jsonl", Utterance)}
    hard = [u for name, u in utterances.items() if "#" in name]
    assert len(hard) == 4 * 6
    assert {u.num_samples for u in hard} == {32000}
    assert all(Path(u.path).is_file() for u in hard)
    for name, number in {"clean": 15, "clean_hard": 6 * 20, "hard": 24 * 20 // 2}.items():
        trials = read_trials(folder / f"{name}.txt")
        assert len(trials) == number
        for trial in trials:
            first, second = utterances[trial.first], utterances[trial.second]
            assert trial.is_target == (first.speaker == second.speaker)
            assert trial.first.partition("#")[0] != trial.second.partition("#")[0]


def test_systems_are_scored_in_every_way(root, said):
    assert_scored(root, "xvector", said["xvector"], "cosine", "as_norm", "plda")
    assert_scored(root, "gmm_ubm", said["gmm_ubm"], "ratio")


@pytest.mark.slow
@pytest.mark.parametrize("system", ["ivector", "bundled"])
def test_systems_that_are_not_trained_by_a_config(root, said, commands_on_path, system):
    options = ["--dim", "8"] if system == "ivector" else []
    code, told = run(root, commands_on_path, system, *options)
    assert code == 0, told
    assert_scored(root, system, told, "cosine", "as_norm", "plda")


@pytest.mark.slow
def test_a_new_model_has_new_embeddings(root, said, commands_on_path):
    exp = root / "exp/mini_verification/xvector"
    weights = load_file(exp / "model/model.safetensors")
    before = np.load(exp / "test.npz")["embeddings"]
    changed = {
        name: 1.1 * value if value.is_floating_point() else value for name, value in weights.items()
    }
    save_file(changed, exp / "model/model.safetensors")
    code, told = run(root, commands_on_path, "xvector", *TINY)
    assert code == 0, told
    assert not np.allclose(np.load(exp / "test.npz")["embeddings"], before, rtol=0.01)


def test_overrides_are_of_a_config(root, commands_on_path):
    code, told = run(root, commands_on_path, "gmm_ubm", "trainer.num_steps=2")
    assert (code, told) == (
        2,
        "error: trainer.num_steps=2: gmm_ubm takes no overrides, as it has no config\n",
    )


def test_crops_are_the_same_again(root, said, commands_on_path, tmp_path):
    script = ROOT / "recipes/mini_verification/hard_trials.py"
    command = [sys.executable, script, root / "data/mini/test", "-o", tmp_path, "--crops", "1"]
    subprocess.run([*command, "--workers", "0"], env=commands_on_path, check=True)
    first = "mix_both/{}#1.wav"
    clean = read_manifest(root / "data/mini/test/utterances.jsonl", Utterance)
    made = tmp_path / first.format(clean[0].id)
    assert (
        made.read_bytes()
        == (root / "data/mini_verification" / first.format(clean[0].id)).read_bytes()
    )


def test_a_corpus_that_is_not_there(root, commands_on_path):
    done = subprocess.run(
        [root / SCRIPT, root / "none"],
        env=commands_on_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no such folder. Usage: recipes/mini_verification/run.sh CORPUS" in done.stderr
