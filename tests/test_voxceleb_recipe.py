"""The recipe for VoxCeleb, run for real: a small tree, laid out as the corpora, goes through it."""

from __future__ import annotations

import subprocess
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from wesep_like.evaluation.trials import read_scores

ROOT = Path(__file__).parents[1]
SCRIPT = "recipes/voxceleb/run.sh"
SECONDS = 2
VOX2 = [f"id0001{number}" for number in range(4)]
VOX1_DEV = ["id10001", "id10002"]
VOX1_TEST = ["id10270", "id10271", "id10309"]
LISTS = ("veri_test2", "list_test_all2", "list_test_hard2")
SCORINGS = ("cosine", "as_norm", "calibrated")
ALL_OVERRIDES = [
    *("trainer.validate_every=1", "trainer.batch_size=4", "trainer.num_workers=0"),
    *("data.train.crop_seconds=1", "schedule.warmup_steps=0"),
]
OVERRIDES = [
    *ALL_OVERRIDES,
    "trainer.num_steps=10",
    *("margin_schedule.start_step=0", "margin_schedule.end_step=5"),
    *("model.speaker.channels=16", "model.speaker.pooled_dim=32", "model.speaker.embed_dim=16"),
]


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 16000)


def write_voices(corpus: Path, root: Path) -> dict[str, list[str]]:
    """Two videos of each speaker, with one file each; their names by speaker."""
    recordings = sorted((corpus / "LibriSpeech/train-clean-100").rglob("*.opus"))
    readers = {path.parts[-3]: path for path in recordings}
    folders = {
        **{speaker: root / "VoxCeleb2/dev/aac" for speaker in VOX2},
        **{speaker: root / "VoxCeleb1/dev/wav" for speaker in VOX1_DEV},
        **{speaker: root / "VoxCeleb1/test/wav" for speaker in VOX1_TEST},
    }
    names: dict[str, list[str]] = {}
    for (speaker, folder), path in zip(folders.items(), readers.values(), strict=False):
        samples, _ = soundfile.read(path, frames=2 * SECONDS * 16000)
        for video, part in zip(("aaaaaaaaaaa", "b-b_bbbbbbb"), np.split(samples, 2), strict=True):
            names.setdefault(speaker, []).append(f"{speaker}/{video}/00001.wav")
            write(folder / names[speaker][-1], part)
            if speaker in VOX2:  # as published, beside what it was converted to
                (folder / names[speaker][-1]).with_suffix(".m4a").write_bytes(b"AAC")
    return names


def write_meta(folder: Path, names: dict[str, list[str]]) -> None:
    """Facts of the speakers, and the lists of trials, all pairs of those of VoxCeleb1."""
    folder.mkdir()
    rows = [f"{speaker}\tA.B.\tf\tUSA\tdev\n" for speaker in VOX1_DEV]
    rows += [f"{speaker}\tE.F.\tf\tUSA\ttest\n" for speaker in VOX1_TEST]
    header = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
    (folder / "vox1_meta.csv").write_text(header + "".join(rows))
    rows = [f"{speaker} ,n0000 ,m ,dev \n" for speaker in VOX2]
    (folder / "vox2_meta.csv").write_text(
        "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \n" + "".join(rows)
    )
    heard = {
        "veri_test2": VOX1_TEST,
        "list_test_all2": VOX1_DEV + VOX1_TEST,
        "list_test_hard2": VOX1_DEV,
    }
    for name, speakers in heard.items():
        pairs = combinations([name for speaker in speakers for name in names[speaker]], 2)
        lines = [f"{int(one[:7] == other[:7])} {one} {other}\n" for one, other in pairs]
        (folder / f"{name}.txt").write_text("".join(lines))


@pytest.fixture(scope="module")
def root(shared, tmp_path_factory):
    """A folder that is to the recipe what the repository is, with corpora in `disk`."""
    root, disk = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("disk")
    for name in ("conf", "recipes"):
        (root / name).symlink_to(ROOT / name)
    (root / "disk").symlink_to(disk)
    write_meta(disk / "meta", write_voices(shared / "corpus", disk / "vox"))
    rng = np.random.default_rng(0)
    for kind, number in product(("music", "noise", "speech"), range(2)):
        noise = 0.1 * rng.standard_normal(24000)
        write(disk / f"musan/{kind}/{kind}-made/{kind}-made-{number:04}.wav", noise)
    for size, number in product(("smallroom", "mediumroom"), range(2)):
        decay = rng.standard_normal(3200) * np.exp(-np.arange(3200) / 400)
        room = f"RIRS_NOISES/simulated_rirs/{size}/Room001/Room001-0000{number}.wav"
        write(disk / room, 0.1 * decay)
    return root


def run(root: Path, env: dict[str, str], *, lists: str, fine_tuning_steps: int) -> str:
    """What the recipe says."""
    fine_tuning = [*ALL_OVERRIDES, f"trainer.num_steps={fine_tuning_steps}"]
    settings = {
        "FINE_TUNING": " ".join(fine_tuning),
        "LISTS": lists,
        "CALIBRATION_TRIALS": "8",
        "TOP_N": "3",
        "WORKERS": "0",
    }
    folders = [root / "disk" / name for name in ("vox", "musan", "RIRS_NOISES", "meta")]
    done = subprocess.run(
        [root / SCRIPT, *folders, "xvector", *OVERRIDES],
        env=env | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def said(root, commands_on_path):
    return run(root, commands_on_path, lists=LISTS[0], fine_tuning_steps=3)


def test_every_stage_leaves_what_the_readme_says(root, said):
    data, exp = root / "data", root / "exp/voxceleb/xvector"
    assert (data / "voxceleb/calibration/trials.txt").read_text().count("\n") == 8
    assert all((data / f"voxceleb/test/{name}.txt").is_file() for name in LISTS)
    assert (data / "musan/speech/noise.jsonl").read_text().count("\n") == 2
    assert (data / "rirs/simulated/rooms.jsonl").read_text().count("\n") == 4

    first, second = (
        yaml.safe_load((folder / "averaged/config.yaml").read_text())
        for folder in (exp, exp / "lm")
    )
    assert first["model"] == second["model"]
    assert first["model"]["speaker"]["embed_dim"] == 16
    for model in (exp, exp / "lm"):
        with np.load(model / "vox2_dev.npz", allow_pickle=False) as archive:
            assert sorted(set(archive["speakers"])) == VOX2
        for scoring in SCORINGS:
            scores = read_scores(model / f"veri_test2.{scoring}.txt")
            assert len(scores) == 15
            assert np.isfinite([trial.score for trial in scores]).all()
            assert (model / f"veri_test2.{scoring}.svg").is_file()
    assert said.count("in brackets, 95 % intervals over 3 speakers") == 2 * len(SCORINGS)


def test_fine_tuning_has_the_published_settings_and_begins_with_the_head(root, said):
    config = root / "exp/voxceleb/xvector/lm/config.yaml"
    settings = yaml.safe_load(config.read_text())
    assert settings["data"]["train"]["speed_probability"] == 0
    assert settings["losses"]["speaker"]["margin"] == 0.5
    assert settings["init"] == {
        "speaker": "exp/voxceleb/xvector/averaged",
        "head": "exp/voxceleb/xvector/checkpoints/last.ckpt",
    }


def written(*folders: Path) -> dict[Path, int]:
    """When data, models and embeddings were; what is told of a run is always told anew."""
    suffixes = (".jsonl", ".safetensors", ".ckpt", ".npz")
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes]
    return {path: path.stat().st_mtime_ns for path in paths}


@pytest.mark.slow
def test_only_what_is_new_is_made_again(root, said, commands_on_path):
    exp = root / "exp/voxceleb/xvector"
    before = written(root / "data", exp)
    run(root, commands_on_path, lists="", fine_tuning_steps=4)
    after = written(root / "data", exp)
    changed = {path for path, time in before.items() if after[path] != time}
    tuned = exp / "lm"
    assert all(path.is_relative_to(tuned) for path in changed)
    models = {tuned / "averaged/model.safetensors", tuned / "checkpoints/last.ckpt"}
    assert changed >= {*models, tuned / "vox2_dev.npz", tuned / "test.npz"}


def test_it_wants_four_folders(commands_on_path, tmp_path):
    done = subprocess.run(
        [ROOT / SCRIPT, tmp_path, tmp_path, tmp_path / "none", tmp_path],
        env=commands_on_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "expected four folders. Usage: recipes/voxceleb/run.sh VOXCELEB MUSAN" in done.stderr
