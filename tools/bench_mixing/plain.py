"""A planned mixture as one makes it without `render`: an example at a time, in NumPy and SciPy.

Reads whole files, convolves each source by itself, and computes the features of each enrollment.
"""

from __future__ import annotations

import importlib

import numpy as np
import soundfile
import torch
from scipy.signal import fftconvolve, resample_poly

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.data.rooms.image_responses import direct_sample, image_responses
from wesep_like.data.simulation.plans import Clip, MixturePlan

kaldi = importlib.import_module(f"{torchaudio.__name__}.compliance.kaldi")


def mix(plan: MixturePlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mixture and target, both (samples,), and the enrollment's features (frames, bins)."""
    dry, heard, direct_gain = [], [], 1.0
    for number, source in enumerate(plan.sources):
        placed = np.zeros(plan.num_samples)
        samples = _read(source.clip, plan.sample_rate)[: plan.num_samples - source.offset]
        placed[source.offset : source.offset + len(samples)] = samples
        dry.append(placed)
        response, direct = _response(plan, number)
        if response is None:
            heard.append(placed)
            continue
        reverberant = fftconvolve(placed, response)
        heard.append(reverberant[direct : direct + plan.num_samples])
        if number == 0:
            direct_gain = response[direct]
    target = dry[0] * direct_gain
    mixture = heard[0].copy()
    energy = (heard[0] ** 2).sum()
    for source, samples in zip(plan.interferers, heard[1:], strict=True):
        mixture += samples * _gain(energy, samples, source.sir_db)
    if plan.noise is not None:
        noise = np.resize(_read(plan.noise.clip, plan.sample_rate), plan.num_samples)
        mixture += noise * _gain(energy, noise, plan.noise.snr_db)
    gain = 1.0
    if plan.level_db is not None:
        gain = 10 ** (plan.level_db / 20) / np.sqrt((mixture**2).mean())
    gain = min(gain, 0.99 / np.abs(mixture).max())
    features = _features(_read(plan.enrollment.clip, plan.sample_rate), plan.sample_rate)
    return mixture * gain, target * gain, features


def _response(plan: MixturePlan, number: int) -> tuple[np.ndarray | None, int]:
    """That of a source, and where its direct path arrives; simulated ones one by one."""
    source, room = plan.sources[number], plan.room
    if room is not None:
        place, rate = room.sources_m[number], plan.sample_rate
        (response,) = image_responses(
            room.size_m, room.rt60_seconds, [room.microphone_m], [place], rate
        )
        return response[:, 0], direct_sample(room.microphone_m, place, rate)
    if source.response is None:
        return None, 0
    response = _read(source.response, plan.sample_rate)
    direct = source.direct_sample
    return response, int(np.abs(response).argmax()) if direct is None else direct


def _read(clip: Clip, sample_rate: int) -> np.ndarray:
    samples, rate = soundfile.read(clip.path, always_2d=True)
    samples = samples.mean(axis=1) if clip.channel is None else samples[:, clip.channel]
    samples = samples[clip.start : clip.start + clip.num_samples]
    return samples if rate == sample_rate else resample_poly(samples, sample_rate, rate)


def _gain(target_energy: float, samples: np.ndarray, ratio_db: float) -> float:
    return np.sqrt(target_energy * 10 ** (-ratio_db / 10) / (samples**2).sum())


def _features(enrollment: np.ndarray, sample_rate: int) -> np.ndarray:
    features = kaldi.fbank(
        torch.from_numpy(enrollment[None]).float() * 2**15,
        num_mel_bins=80,
        window_type="hamming",
        dither=0.0,
        sample_frequency=sample_rate,
    )
    return (features - features.mean(dim=0)).numpy()
