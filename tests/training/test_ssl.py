"""A speaker module with a self-supervised front-end, from its folder to a model that is used."""

import shutil

import numpy as np
import torch
from safetensors.torch import load_file

from wesep_like import experiment
from wesep_like.config.files import read_config
from wesep_like.inference.extractor import Extractor

SECTIONS = {"init": {"speaker": None}, "freeze": [], "trainer": {"num_steps": 2}}


def speaker_on(source, **frontend):
    frontend = {"source": str(source), **frontend}
    return {"speaker": {"name": "ssl", "frontend": frontend, "embed_dim": 8}}


def front_end_of(folder):
    weights = load_file(folder / "model" / "model.safetensors")
    prefix = "speaker.frontend.model."
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def test_a_run_starts_from_the_folder_and_leaves_a_model_without_it(
    write_checkpoint, write_experiment, tmp_path
):
    source = write_checkpoint("wavlm")
    published = load_file(source / "model.safetensors")
    path = write_experiment(**SECTIONS, model=speaker_on(source))
    experiment.train(path, [], tmp_path / "exp", device="cpu")
    shutil.rmtree(source)
    own = front_end_of(tmp_path / "exp")
    known = [key for key in own if key in published]
    assert len(known) > 20
    assert all(torch.equal(own[key], published[key]) for key in known)
    extractor = Extractor.load(tmp_path / "exp", "cpu")
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 16000))
    assert np.isfinite(extractor.extract(noise[0], noise[1], sample_rate=8000)).all()


def test_first_weights_of_a_model_go_before_those_of_the_source(
    write_checkpoint, write_experiment, tmp_path
):
    """What it learnt of the front-end is gone on from, and the source is not wanted."""
    source = write_checkpoint("hubert")
    learning = {"tuned": 1}
    path = write_experiment(**SECTIONS, model=speaker_on(source, **learning))
    experiment.train(path, [], tmp_path / "first", device="cpu")
    shutil.rmtree(source)
    resolved = read_config(tmp_path / "first" / "config.yaml")
    model = {"speaker": resolved["model"]["speaker"]}
    first = tmp_path / "first"
    path = write_experiment(
        "second.yaml",
        model=model,
        init={"speaker": str(first)},
        freeze=["speaker"],
        trainer={"num_steps": 2},
    )
    experiment.train(path, [], tmp_path / "second", device="cpu")
    one, other = front_end_of(first), front_end_of(tmp_path / "second")
    assert all(torch.equal(one[key], other[key]) for key in one)
