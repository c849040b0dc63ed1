import csv
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from wesep_like.audio.levels import rms_db
from wesep_like.data.simulated_files import PLANS, draw_named, write_simulated
from wesep_like.data.simulation.augmentation.options import (
    EnrollmentAugmentationOptions,
    EnrollmentNoiseOptions,
)
from wesep_like.data.simulation.plans import read_plans

OPTIONS = {"mixture_seconds": None, "enrollment_seconds": None, "noise_probability": 1.0}


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.wav")}


def samples(path):
    return soundfile.read(path)[0]


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix") / "train"
    planner = corpus.planner(num_interferers=(1, 2), **OPTIONS)
    plans = list(draw_named(planner, 12, seed=3))
    write_simulated(plans, folder)
    return folder, plans


def test_mixtures_are_the_sums_of_their_parts_as_files(written):
    folder, plans = written
    kinds = ["enrollment", "mix_both", "mix_clean", "noise", "s1", "s2", "s3"]
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted([*kinds, "metadata"])
    for plan in plans:
        parts = {
            kind: samples(folder / kind / f"{plan.id}.wav")
            for kind in kinds
            if (folder / kind / f"{plan.id}.wav").exists()
        }
        assert ("s3" in parts) == (len(plan.interferers) == 2)
        voices = sum(parts[name] for name in parts if name.startswith("s"))
        step = 2**-15
        assert np.abs(parts["mix_clean"] - voices).max() <= 2.1 * step
        assert np.abs(parts["mix_both"] - voices - parts["noise"]).max() <= 2.6 * step
        assert len(parts["mix_both"]) == plan.num_samples


def test_metadata_are_those_of_librimix(written):
    folder, plans = written
    paths = rows(folder / "metadata" / "mixture_train_mix_both.csv")
    assert [row["mixture_ID"] for row in paths] == [plan.id for plan in plans]
    assert list(paths[0]) == [
        "mixture_ID", "mixture_path", "source_1_path", "source_2_path", "source_3_path",
        "noise_path", "length",
    ]  # fmt: skip
    metrics = {
        row["mixture_ID"]: row for row in rows(folder / "metadata/metrics_train_mix_clean.csv")
    }
    for row, plan in zip(paths, plans, strict=True):
        assert len(samples(row["mixture_path"])) == int(row["length"]) == plan.num_samples
        assert bool(row["source_3_path"]) == (len(plan.interferers) == 2)
        first = samples(row["source_1_path"])
        rest = samples(folder / "mix_clean" / f"{plan.id}.wav") - first
        level = float(metrics[plan.id]["source_1_SNR"])
        assert level == pytest.approx(rms_db(first) - rms_db(rest), abs=0.01)


def test_names_are_those_of_the_utterances_and_differ(corpus):
    planner = corpus.planner(**OPTIONS)
    plans = list(draw_named(planner, 300, seed=1))  # more than there are pairs
    assert len({plan.id for plan in plans}) == 300
    assert plans[0].id == "_".join(s.clip.path.rpartition("/")[2][:-5] for s in plans[0].sources)
    assert [plan.id for plan in plans[:20]] == [p.id for p in draw_named(planner, 20, seed=1)]


def test_processes_change_nothing_and_a_broken_file_costs_its_mixtures_only(
    written, corpus, tmp_path
):
    folder, plans = written
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"no sound")
    target = plans[2].target
    target = replace(target, clip=replace(target.clip, path=str(broken)))
    changed = [plans[0], replace(plans[1], noise=None), replace(plans[2], target=target)]
    written_now = write_simulated(changed, tmp_path / "train", num_workers=2)
    assert [one.row is None for one in written_now] == [False, False, True]
    assert written_now[2].problem.startswith(str(broken))
    ours, theirs = files(tmp_path / "train"), files(folder)
    same = {path for path in ours if path.stem == plans[0].id}
    assert len(same) >= 6
    assert all(ours[path] == theirs[path] for path in same)
    assert not [path for path in ours if path.stem == plans[2].id]
    kept = read_plans(tmp_path / "train" / PLANS)
    assert [plan.id for plan in kept] == [plan.id for plan in plans[:2]]


def test_enrollments_are_written_as_a_model_would_hear_them(corpus, tmp_path):
    section = EnrollmentAugmentationOptions(noise=EnrollmentNoiseOptions(1.0, (0.0, 0.0)))
    plans = list(draw_named(corpus.planner(enrollment_augmentation=section), 2, seed=3))
    write_simulated(plans, tmp_path)
    for plan, example in zip(plans, corpus.read(plans), strict=True):
        heard = samples(tmp_path / "enrollment" / f"{plan.id}.wav")
        spoken = np.dot(heard, example.enrollment.samples) / np.linalg.norm(heard)
        assert (spoken / np.linalg.norm(example.enrollment.samples)) ** 2 == pytest.approx(
            0.5, abs=0.05
        )


def test_an_absent_target_is_a_silent_file(corpus, tmp_path):
    planner = corpus.planner(absent_probability=1.0, **OPTIONS)
    (plan,) = draw_named(planner, 1, seed=1)
    write_simulated([plan], tmp_path)
    assert plan.id == "_".join(s.clip.path.rpartition("/")[2][:-5] for s in plan.interferers)
    parts = [samples(tmp_path / kind / f"{plan.id}.wav") for kind in ("s1", "s2", "s3")]
    assert not parts[0].any()
    assert parts[1].any()
    assert np.abs(samples(tmp_path / f"mix_clean/{plan.id}.wav") - sum(parts)).max() < 1e-4
