"""What the tests of more than one room need."""

from __future__ import annotations

import json
import logging
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test starts from the same random state; pytest-randomly leaves torch out."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _root_log_as_it_was() -> Iterator[None]:
    """Lightning adds handlers to loggers when it is imported and run."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real corpus, the interop vectors and the pretrained weights."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("WESEP_LIKE_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"wants the shared data: {folder} is no folder (set WESEP_LIKE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def commands_on_path(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a recipe: it finds this Python's `wesep-like` and `python`, and uses one thread."""
    folder = tmp_path_factory.mktemp("bin")
    for name, arguments in {"wesep-like": "-m wesep_like", "python": ""}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PATH": path, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def write_wav(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file of noise: `write_wav(name, seconds, rate, channels=1)`; its suffix counts."""

    def write(name: str, seconds: float, rate: int, channels: int = 1) -> Path:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        samples = 0.1 * rng.standard_normal((round(seconds * rate), channels))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate)
        return path

    return write


@pytest.fixture
def make_embeddings() -> Callable[..., Any]:
    """Embeddings as in an archive: `make_embeddings(vectors, speakers=..., model=..., ...)`."""
    from wesep_like.data.embedding_archive import Embeddings

    def make(vectors: np.ndarray, **known: Any) -> Embeddings:
        num = len(vectors)
        texts = {name: np.array(known.pop(name, [""] * num)) for name in ("ids", "speakers")}
        paths = np.array(known.pop("paths", [f"{number}.wav" for number in range(num)]))
        seconds = np.array(known.pop("seconds", [np.nan] * num), dtype=float)
        return Embeddings(paths, np.asarray(vectors, np.float32), **texts, seconds=seconds, **known)

    return make


@pytest.fixture
def wesep_lists(tmp_path: Path) -> Path:
    """Lists of a small LibriMix tree at 8 kHz, as WeSep's recipe writes them for its test set.

    Four mixtures of two of three speakers, each of whom has other utterances in other mixtures; one
    utterance is in two mixtures, longer in the first.
    """
    tree, lists = tmp_path / "Libri2Mix" / "test", tmp_path / "lists"
    lists.mkdir()
    names = ["1-10-00_2-20-00", "2-20-01_3-30-00", "3-30-01_1-10-01", "1-10-00_3-30-02"]
    rows: dict[str, list[str]] = {}
    of_speaker: dict[str, list[list[str]]] = {}
    for number, name in enumerate(names):
        num_samples = 8000 - 500 * number
        rng = np.random.default_rng(number)
        sources = rng.integers(-3000, 3000, (2, num_samples)).astype(np.int16)
        for kind, samples in {
            "mix_clean": sources.sum(0),
            "s1": sources[0],
            "s2": sources[1],
        }.items():
            (tree / kind).mkdir(parents=True, exist_ok=True)
            soundfile.write(tree / kind / f"{name}.wav", samples.astype(np.int16), 8000)
        speakers = [part.split("-")[0] for part in name.split("_")]
        mixed = f"{tree}/mix_clean"
        paths = [f"{mixed}/{name}.wav", *(f"{mixed}/../s{n}/{name}.wav" for n in (1, 2))]
        rows.setdefault("wav.scp", []).append(" ".join([name, *paths]))
        rows.setdefault("utt2spk", []).append(" ".join([name, *speakers]))
        for n, (speaker, utterance) in enumerate(zip(speakers, name.split("_"), strict=True), 1):
            path = f"{tree}/s{n}/{name}.wav"
            rows.setdefault("single.wav.scp", []).append(f"s{n}/{name}.wav {path}")
            rows.setdefault("single.utt2spk", []).append(f"s{n}/{name}.wav {speaker}")
            of_speaker.setdefault(speaker, []).append([utterance, path])
    rows["spk1.enroll"] = [
        f"{names[0]} s2/{names[2]}.wav",
        f"{names[1]} s2/{names[0]}.wav",
        f"{names[2]} s2/{names[1]}.wav",
        f"{names[3]} s2/{names[2]}.wav",
    ]
    rows["spk2.enroll"] = [
        f"{names[0]} s1/{names[1]}.wav",
        f"{names[1]} s1/{names[2]}.wav",
        f"{names[2]} s1/{names[3]}.wav",
        f"{names[3]} s2/{names[1]}.wav",
    ]
    for name, lines in rows.items():
        (lists / name).write_text("".join(f"{line}\n" for line in lines))
    (lists / "spk2enroll.json").write_text(json.dumps(of_speaker))
    return lists


@pytest.fixture
def librimix_tree(make_librimix: Callable[..., Path]) -> Path:
    """A small LibriMix tree, wav8k/min, with all kinds of mixtures and their metadata.

    Speakers 1 to 3 train, 4 to 6 are of dev and 7 to 9 of test, where one utterance is in two
    mixtures, longer in the first.
    """
    return make_librimix()


@pytest.fixture
def make_librimix(tmp_path: Path) -> Callable[..., Path]:
    """Adds a variant to a LibriMix tree: `make_librimix(rate=8000, mode="min", **sets)`.

    Sets are named with `_` for `-`, and have the names of their mixtures.
    """

    def make(rate: int = 8000, mode: str = "min", **sets: tuple[str, ...]) -> Path:
        variant = tmp_path / "Libri2Mix" / f"wav{rate // 1000}k" / mode
        (variant / "metadata").mkdir(parents=True)
        for name, mixtures in (sets or LIBRIMIX).items():
            _write_set(variant / name.replace("_", "-"), mixtures, rate)
        return tmp_path / "Libri2Mix"

    return make


LIBRIMIX = {
    "train_100": ("1-10-00_2-20-00", "2-20-01_3-30-00", "3-30-01_1-10-01"),
    "dev": ("4-40-00_5-50-00", "5-50-01_6-60-00", "6-60-01_4-40-01"),
    "test": ("7-70-00_8-80-00", "7-70-00_9-90-02", "8-80-01_9-90-00", "9-90-01_7-70-01"),
}


def _write_set(folder: Path, mixtures: tuple[str, ...], rate: int) -> None:
    """Mixtures of noise, each shorter than the one before."""
    voices = [f"s{number + 1}" for number in range(mixtures[0].count("_") + 1)]
    heard_in = {"mix_clean": voices, "mix_both": [*voices, "noise"], "mix_single": ["s1", "noise"]}
    for kind in [*heard_in, *voices, "noise"]:
        (folder / kind).mkdir(parents=True)
    for number, mixture in enumerate(mixtures):
        rng = np.random.default_rng(zlib.crc32(mixture.encode()))
        shape = (len(voices) + 1, rate // 4 - 100 * number)
        samples = rng.integers(-3000, 3000, shape).astype(np.int16)
        signals = dict(zip([*voices, "noise"], samples, strict=True))
        for kind, parts in heard_in.items():
            signals[kind] = sum(signals[part] for part in parts)
        for kind, signal in signals.items():
            soundfile.write(folder / kind / f"{mixture}.wav", signal, rate)
    for kind in heard_in:
        rows = ["mixture_ID,mixture_path", *(f"{mixture},/elsewhere" for mixture in mixtures)]
        table = folder.parent / "metadata" / f"mixture_{folder.name}_{kind}.csv"
        table.write_text("\n".join([*rows, ""]))


@dataclass(frozen=True)
class InteropCase:
    """What one published class computes; weights and inputs are derived from their names."""

    args: dict
    state: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]

    @staticmethod
    def input(name: str) -> torch.Tensor:
        shapes = {
            "mixture": (2, 16000),
            "enrollment": (2, 24000),
            "fbank": (2, 150, 80),
            "fbank72": (2, 152, 72),
        }
        rng = np.random.default_rng(zlib.crc32(f"input:{name}".encode()))
        values = torch.from_numpy(0.1 * rng.standard_normal(shapes[name])).float()
        return 20 * values if name.startswith("fbank") else values


@pytest.fixture(scope="session")
def interop_case(shared: Path) -> Callable[[str], InteropCase]:
    """Reads a case of `shared/interop` by name."""

    def read(name: str) -> InteropCase:
        about = json.loads((shared / "interop" / f"{name}.json").read_text())
        with np.load(shared / "interop" / f"{name}.npz") as file:
            outputs = {key: torch.from_numpy(file[key]) for key in file.files}
        state = {key: _derived(key, shape) for key, shape in about.get("state", [])}
        return InteropCase(about.get("args", {}), state, outputs)

    return read


def _derived(key: str, shape: list[int]) -> torch.Tensor:
    """The weight of a state key, by the table in `shared/interop/README.md`."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    fan_in = np.prod(shape[1:])
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif key.endswith("running_mean"):
        values = 0.1 * rng.standard_normal(shape)
    elif len(shape) >= 2 and fan_in > 1:
        values = rng.standard_normal(shape) / np.sqrt(fan_in)
    elif key.endswith("weight"):
        values = rng.uniform(0.8, 1.2, shape)
    else:
        values = 0.1 * rng.standard_normal(shape)
    return torch.from_numpy(np.asarray(values)).float()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an extraction model of random weights at 16 kHz; takes milliseconds to run."""
    from wesep_like.models.build import build_tse
    from wesep_like.models.model_file import save_model

    section = {
        "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
        "speaker": {"name": "ecapa_tdnn", "channels": 16, "embed_dim": 8},
        "fusion": {"name": "multiply"},
    }
    folder = tmp_path_factory.mktemp("tiny") / "model"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_tse(section, 16000)
    save_model(folder, model, {"task": "extraction", "sample_rate": 16000, "model": section})
    return folder


@pytest.fixture(scope="session")
def model_without_embedding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that knows the speaker by a TF-map only."""
    from wesep_like.models.build import build_tse
    from wesep_like.models.model_file import save_model

    section = {
        "separator": {"name": "bsrnn", "channels": 8, "num_blocks": 1},
        "speaker": None,
        "fusion": None,
        "tf_map": "magnitudes",
    }
    folder = tmp_path_factory.mktemp("no_embedding") / "model"
    config = {"task": "extraction", "sample_rate": 16000, "model": section}
    save_model(folder, build_tse(section, 16000), config)
    return folder


@pytest.fixture(scope="session")
def onnx_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes an encoder as WeSpeaker exports them: rectified features, averaged, times a matrix.

    `onnx_encoder(embed_dim=8, seed=0)`; the other arguments are what one may get wrong.
    """

    def make(
        embed_dim: int = 8,
        seed: int = 0,
        *,
        name: str = "encoder.onnx",
        shape: tuple[int | str, ...] = ("B", "T", 80),
        kind: str = "FLOAT",
        keeps_frames: bool = False,
        outputs: tuple[str, ...] = ("embs",),
        weights_file: str | None = None,
    ) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        matrix = np.random.default_rng(seed).standard_normal((80, embed_dim)).astype(np.float32)
        nodes = [
            helper.make_node("Cast", ["feats"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Relu", ["floats"], ["rectified"]),
            helper.make_node(
                "ReduceMean", ["rectified"], ["mean"], axes=[1], keepdims=int(keeps_frames)
            ),
            *(helper.make_node("MatMul", ["mean", "matrix"], [output]) for output in outputs),
        ]
        graph = helper.make_graph(
            nodes,
            "encoder",
            [helper.make_tensor_value_info("feats", getattr(TensorProto, kind), shape)],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, None) for out in outputs],
            [numpy_helper.from_array(matrix, "matrix")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        path = tmp_path_factory.mktemp("onnx") / name
        more = {} if weights_file is None else {"location": weights_file, "size_threshold": 0}
        onnx.save(model, path, save_as_external_data=weights_file is not None, **more)
        return path

    return make


SSL_KINDS = {
    "wavlm": "WavLM",
    "hubert": "Hubert",
    "wav2vec2": "Wav2Vec2",
    "wav2vec2-bert": "Wav2Vec2Bert",
}


@pytest.fixture
def write_checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a tiny self-supervised model: `write_checkpoint("wavlm", **config)`.

    Its weights are random; LayerDrop, dropout and masks are those of the published models.
    """
    # Torchaudio goes first, by our way: transformers cannot import it everywhere.
    from wesep_like.audio.torchaudio_import import torchaudio

    assert torchaudio
    transformers = pytest.importorskip("transformers", reason="wants the extra [ssl]")

    def write(kind: str, normalize: bool = True, **config: object) -> Path:
        folder = tmp_path / kind
        sizes = {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 24,
        }
        if kind != "wav2vec2-bert":
            sizes |= {
                "conv_dim": [8, 8],
                "conv_kernel": [10, 8],
                "conv_stride": [10, 8],
                "num_conv_pos_embeddings": 8,
                "num_conv_pos_embedding_groups": 2,
            }
        settings = getattr(transformers, f"{SSL_KINDS[kind]}Config")(**sizes, **config)
        getattr(transformers, f"{SSL_KINDS[kind]}Model")(settings).save_pretrained(folder)
        if kind == "wav2vec2-bert":
            transformers.SeamlessM4TFeatureExtractor().save_pretrained(folder)
        else:
            extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize)
            extractor.save_pretrained(folder)
        return folder

    return write
