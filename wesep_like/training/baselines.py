"""Classical speaker models, learnt from the utterances of a manifest and kept as model files."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wesep_like.audio import io
from wesep_like.audio.resample import resample
from wesep_like.config.atomic import make_folder
from wesep_like.data.broken import BrokenCount
from wesep_like.data.manifest import Utterance, read_speech
from wesep_like.data.processes import in_processes
from wesep_like.errors import AudioError, ModelFileError, OutputError
from wesep_like.models import build_speaker
from wesep_like.models.classical.gmm import Statistics
from wesep_like.models.classical.gmm_training import train_gmm
from wesep_like.models.classical.total_variability import train_loadings
from wesep_like.models.model_file import (
    load_model,
    read_model_config,
    resolve_model_folder,
    save_model,
)
from wesep_like.models.speakers import SPEAKERS
from wesep_like.models.speakers.gmm_encoder import GMMEncoder
from wesep_like.models.speakers.gmm_ubm import GMMUBM
from wesep_like.models.speakers.ivector import IVector

MODEL = "model"

Progress = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, all of it)."""

_MAX_BROKEN = 0.1


@dataclass(frozen=True)
class BaselineOptions:
    """What either is learnt from, and how.

    Args:
        utterances: A manifest.
        max_utterances: Of more, so many are heard, evenly from first to last.
        num_rounds: Of EM, once all components are there.
        seed: The same seed gives the same model.
        num_workers: Processes that hear; 0: this one. They are spawned, so a script that asks for
            them needs `if __name__ == "__main__":`.
    """

    utterances: str | Path
    max_utterances: int = 20000
    num_rounds: int = 10
    seed: int = 1
    num_workers: int = 0


class Learnt(NamedTuple):
    """What was written.

    Attributes:
        folder: The model file.
        num_utterances: How many it was learnt from.
        num_frames: How many frames of them.
    """

    folder: Path
    num_utterances: int
    num_frames: int


def train_gmm_ubm(
    folder: str | Path,
    section: dict[str, Any],
    sample_rate: int,
    options: BaselineOptions,
    *,
    max_frames: int = 1_000_000,
    progress: Progress | None = None,
) -> Learnt:
    """Writes the model file `folder/model` of a universal background model.

    Args:
        folder: Made if need be.
        section: Of a config: `name: gmm_ubm` and its options.
        sample_rate: Hz.
        options: What to learn from.
        max_frames: Of more, so many are learnt from, evenly from each utterance.
        progress: See `Progress`.

    Raises:
        ConfigError: If an option is wrong, or there is too little speech.
        ManifestError: If the manifest is wrong.
        AudioError: If more than a tenth of the files cannot be used.
        OutputError: If the folder cannot be written to, or has a model in it.
    """
    model = {"speaker": SPEAKERS.resolved(section, "model.speaker")}
    speaker = build_speaker(model, sample_rate)
    assert isinstance(speaker, GMMUBM)
    folder = _free(folder)
    told = progress or _silent
    utterances = _chosen(options)
    # Frames are 10 ms apart.
    seconds = sum(one.num_samples / one.sample_rate for one in utterances)
    share = min(1.0, max_frames / (100 * seconds))
    hear = partial(_some_frames, pickle.dumps(speaker.mfcc), sample_rate, share)
    heard = list(_heard(hear, utterances, options, told))
    frames = torch.from_numpy(np.concatenate(heard))
    speaker.gmm = train_gmm(
        frames,
        len(speaker.gmm.weights),
        torch.Generator().manual_seed(options.seed),
        num_rounds=options.num_rounds,
        progress=partial(told, "learning"),
    )
    _save(folder, speaker, model, sample_rate, options)
    return Learnt(folder / MODEL, len(heard), len(frames))


def train_ivector(
    folder: str | Path,
    ubm: str | Path,
    embed_dim: int,
    options: BaselineOptions,
    *,
    progress: Progress | None = None,
) -> Learnt:
    """Writes the model file `folder/model` of an i-vector extractor.

    Args:
        folder: Made if need be.
        ubm: A model file, or an experiment, of `train_gmm_ubm`; features and mixture are its.
        embed_dim: Of the i-vector.
        options: What to learn from.
        progress: See `Progress`.

    Raises:
        ModelFileError: If `ubm` is no GMM-UBM.
        ConfigError: If an option is wrong, or there are too few utterances.
        ManifestError: If the manifest is wrong.
        AudioError: If more than a tenth of the files cannot be used.
        OutputError: If the folder cannot be written to, or has a model in it.
    """
    place = resolve_model_folder(ubm)
    background, config = load_model(place), read_model_config(place)
    if not isinstance(background, GMMUBM):
        raise ModelFileError(
            f"{ubm}: no GMM-UBM. Name what 'wesep-like baseline gmm_ubm' has written"
        )
    heard_by = config["model"]["speaker"]
    shared = {key: heard_by[key] for key in ("num_components", "num_cepstra", "num_bins")}
    section = {"name": "ivector", "embed_dim": embed_dim, **shared}
    model = {"speaker": SPEAKERS.resolved(section, "model.speaker")}
    sample_rate = config["sample_rate"]
    speaker = build_speaker(model, sample_rate)
    assert isinstance(speaker, IVector)
    folder = _free(folder)
    told = progress or _silent
    speaker.gmm = background.gmm
    hear = partial(_statistics, pickle.dumps(background), sample_rate)
    each = list(_heard(hear, _chosen(options), options, told))
    counts, sums = (torch.from_numpy(np.concatenate(values)) for values in zip(*each, strict=True))
    speaker.loadings = train_loadings(
        Statistics(counts, sums),
        embed_dim,
        torch.Generator().manual_seed(options.seed),
        num_rounds=options.num_rounds,
        progress=partial(told, "learning"),
    ).float()
    _save(folder, speaker, model, sample_rate, options)
    return Learnt(folder / MODEL, len(each), round(float(counts.sum())))


def _free(folder: str | Path) -> Path:
    """The folder, made if need be, in which no model is yet."""
    folder = make_folder(folder)
    if (folder / MODEL).exists():
        raise OutputError(f"{folder / MODEL}: is there already. Remove it, or give another folder")
    return folder


def _chosen(options: BaselineOptions) -> list[Utterance]:
    """The utterances to hear: all, or as many as there may be, evenly from first to last."""
    found = read_speech(options.utterances)
    num = min(len(found), options.max_utterances)
    return [found[number * len(found) // num] for number in range(num)]


def _heard(
    hear: Callable[[Utterance], Any],
    utterances: Sequence[Utterance],
    options: BaselineOptions,
    told: Progress,
) -> Iterator[Any]:
    """What `hear` makes of each utterance that can be used."""
    count = BrokenCount(str(options.utterances), "utterances", _MAX_BROKEN)
    all_of = in_processes(partial(_or_error, hear), utterances, options.num_workers)
    for number, heard in enumerate(all_of, start=1):
        count.num_reads += 1
        if isinstance(heard, AudioError):
            count.skip(heard)
        else:
            yield heard
        told("hearing", number, len(utterances))
    if count.num_broken == count.num_reads:
        raise AudioError(f"{options.utterances}: none of its utterances could be read")


def _or_error(hear: Callable[[Utterance], Any], utterance: Utterance) -> Any:
    try:
        return hear(utterance)
    except AudioError as error:
        return error


def _samples(utterance: Utterance, sample_rate: int) -> Tensor:
    waveform = io.read(utterance.path)
    return torch.from_numpy(resample(waveform.samples, waveform.sample_rate, sample_rate))[None]


# What goes to other processes and back has no tensors: each of them would hold a file open.


def _some_frames(mfcc: bytes, sample_rate: int, share: float, utterance: Utterance) -> np.ndarray:
    """A share of its frames of speech, (frames, channels), evenly from first to last."""
    features, is_speech = _unpacked(mfcc)(_samples(utterance, sample_rate))
    frames = features[0, :, is_speech[0]].T
    num = max(1, round(share * len(frames)))
    return frames[torch.arange(num) * len(frames) // num].numpy()


def _statistics(
    background: bytes, sample_rate: int, utterance: Utterance
) -> tuple[np.ndarray, np.ndarray]:
    """Counts and sums of one utterance; see `Statistics`."""
    counts, sums = _unpacked(background).statistics(_samples(utterance, sample_rate))
    return counts.numpy(), sums.numpy()


@lru_cache(maxsize=1)
def _unpacked(module: bytes) -> Any:
    return pickle.loads(module)


def _save(
    folder: Path,
    speaker: GMMEncoder,
    model: dict[str, Any],
    sample_rate: int,
    options: BaselineOptions,
) -> None:
    how = {**asdict(options), "utterances": str(options.utterances)}
    del how["num_workers"]
    config = {"task": "verification", "sample_rate": sample_rate, "model": model, "baseline": how}
    save_model(folder / MODEL, speaker, config)


def _silent(what: str, num_done: int, num_all: int) -> None:
    """Tells nobody."""
