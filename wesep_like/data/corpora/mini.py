"""A small corpus of real recordings: parts of LibriSpeech and speechocean762, noises, and one room.

Laid out as the public corpora are: LibriSpeech/{train-clean-100,test-other}/SPEAKER/CHAPTER/UTT,
speechocean762/SPEAKER/UTT, noise/**, rirs/*, LibriSpeech/SPEAKERS.TXT.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wesep_like.data.corpora.base import Contents, Corpus, Sounds
from wesep_like.data.corpora.librispeech import SPEAKERS, read_sexes, speakers_utterances
from wesep_like.data.manifest import Noise, Room, Utterance
from wesep_like.data.simulation.draw import MixturePlanner
from wesep_like.data.simulation.options import SimulationOptions
from wesep_like.data.simulation.plans import MixturePlan
from wesep_like.errors import ManifestError

# Held out for validation. LibriSpeech's are of those with one utterance, since the six with more
# are most of what there is to train on.
_NUM_DEV_LIBRISPEECH = 12
_NUM_DEV_SPEECHOCEAN = 8
_MIN_DEV_SECONDS = 10.0  # enough for a mixture and an enrollment that do not overlap
_NUM_DEV_MIXTURES = 60

_TRAIN = Path("LibriSpeech/train-clean-100")
_TEST = Path("LibriSpeech/test-other")
_SPEECHOCEAN = Path("speechocean762")
_NOISE = Path("noise")
_ROOMS = Path("rirs")


@dataclass(frozen=True)
class Mini(Corpus):
    """The corpus of `recipes/mini`.

    Args:
        seed: Of the fixed mixtures, and of the choice of speakers that are held out.
        sample_rate: Of the fixed mixtures, in Hz.
    """

    seed: int = 1
    sample_rate: int = 16000

    def index(self, root: Path, sounds: Sounds) -> Contents:
        """Manifests of train, dev and test; of dev and test mixtures, and all pairs as trials.

        Speakers of dev are held out of the training speakers; test's are others. Speech only: noise
        and rooms are for training.

        Raises:
            ManifestError: If one of the folders is missing.
        """
        by_folder = {
            folder: {
                path: sound for path, sound in sounds.items() if path.is_relative_to(root / folder)
            }
            for folder in (_TRAIN, _TEST, _SPEECHOCEAN, _NOISE, _ROOMS)
        }
        if missing := [str(folder) for folder, found in by_folder.items() if not found]:
            raise ManifestError(
                f"{root}: no sound files in {', '.join(missing)}. Expected the folders "
                f"{', '.join(str(folder) for folder in by_folder)}"
            )
        speakers = root / "LibriSpeech" / SPEAKERS
        sexes = read_sexes(speakers) if speakers.is_file() else {}
        librispeech = speakers_utterances(root / _TRAIN, by_folder[_TRAIN], sexes)
        # Its speakers are called so0001 and so on, LibriSpeech's 19: none is called like another.
        speechocean = speakers_utterances(root / _SPEECHOCEAN, by_folder[_SPEECHOCEAN], {})
        test = speakers_utterances(root / _TEST, by_folder[_TEST], sexes)

        held_out = _held_out(librispeech, speechocean, self.seed)
        dev = [u for u in librispeech + speechocean if u.speaker in held_out]
        train = [u for u in librispeech + speechocean if u.speaker not in held_out]
        return {
            "train/utterances.jsonl": train,
            "train/noise.jsonl": [
                Noise(path.stem, str(path), sound.num_samples, sound.sample_rate)
                for path, sound in by_folder[_NOISE].items()
            ],
            "train/rooms.jsonl": [
                Room(
                    id=path.stem,
                    path=str(path),
                    num_samples=sound.num_samples,
                    sample_rate=sound.sample_rate,
                    num_channels=sound.num_channels,
                    room=path.stem.rpartition("_")[0],  # surrey_roomA_az+010
                )
                for path, sound in by_folder[_ROOMS].items()
            ],
            "dev/utterances.jsonl": dev,
            "dev/mixtures.jsonl": _dev_mixtures(dev, self.seed, self.sample_rate),
            "dev/trials.txt": _trials(dev),
            "test/utterances.jsonl": test,
            "test/mixtures.jsonl": _test_mixtures(test, self.seed, self.sample_rate),
            "test/trials.txt": _trials(test),
        }


def _held_out(
    librispeech: Sequence[Utterance], speechocean: Sequence[Utterance], seed: int
) -> set[str]:
    num_utterances = Counter(u.speaker for u in librispeech)
    long_and_alone = [
        u.speaker
        for u in librispeech
        if num_utterances[u.speaker] == 1 and u.num_samples >= _MIN_DEV_SECONDS * u.sample_rate
    ]
    rng = np.random.default_rng([seed, 0])
    return {
        *rng.permutation(sorted(long_and_alone))[:_NUM_DEV_LIBRISPEECH].tolist(),
        *rng.permutation(_speakers(speechocean))[:_NUM_DEV_SPEECHOCEAN].tolist(),
    }


def _speakers(utterances: Iterable[Utterance]) -> list[str]:
    return sorted({utterance.speaker for utterance in utterances})


def _dev_mixtures(
    utterances: Sequence[Utterance], seed: int, sample_rate: int
) -> list[MixturePlan]:
    """Two speakers, 4 s; each speaker is the target equally often."""
    options = SimulationOptions(
        "dev/utterances.jsonl", mixture_seconds=4.0, enrollment_seconds=None
    )
    planner = MixturePlanner(utterances, [], [], options, sample_rate)
    targets = itertools.cycle(planner.speakers)
    mixtures = []
    for number, speaker in zip(range(_NUM_DEV_MIXTURES), targets, strict=False):
        rng = np.random.default_rng([seed, 1, number])
        of_speaker = [u for u in utterances if u.speaker == speaker]
        target = of_speaker[int(rng.integers(len(of_speaker)))]
        mixtures.append(planner.draw(rng, mixture_id=f"dev-{number:03d}", target=target))
    return mixtures


def _test_mixtures(
    utterances: Sequence[Utterance], seed: int, sample_rate: int
) -> list[MixturePlan]:
    """Two speakers, as long as the shorter of the two; each utterance is the target once."""
    options = SimulationOptions(
        "test/utterances.jsonl",
        mixture_seconds=None,
        enrollment_seconds=None,
        min_enrollment_seconds=3.0,
        level_range_db=None,
    )
    planner = MixturePlanner(utterances, [], [], options, sample_rate)
    return [
        planner.draw(
            np.random.default_rng([seed, 2, number]), mixture_id=f"test-{number:03d}", target=target
        )
        for number, target in enumerate(utterances)
    ]


def _trials(utterances: Sequence[Utterance]) -> list[str]:
    """All pairs, in the form of VoxCeleb's lists: 1 for one speaker and 0 for two, then two ids."""
    return [
        f"{int(first.speaker == second.speaker)} {first.id} {second.id}"
        for first, second in itertools.combinations(utterances, 2)
    ]
