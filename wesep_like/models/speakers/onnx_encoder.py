"""A published speaker encoder as an ONNX file, used as it is."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from wesep_like.audio.fbank import WindowName
from wesep_like.errors import ConfigError, ModelFileError
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.speakers.base import SPEAKERS, FbankEncoder
from wesep_like.models.speakers.onnx_graph import EmbeddingGraph


@SPEAKERS.register("onnx")
class ONNXEncoder(FbankEncoder):
    """An encoder that WeSpeaker or 3D-Speaker exported: filterbank in, embedding out.

    It runs by onnxruntime on the CPU, wherever the rest of the model is, and cannot be trained. The
    file is in its state dict, so that a saved model needs nothing else.

    Args:
        sample_rate: Hz.
        graph: The bytes of the file, (bytes,) of uint8, where a saved model has them; `path` is not
            read then.
        path: The file, relative to where the command runs.
        window: Analysis window: WeSpeaker's models want `hamming`, 3D-Speaker's `povey`.
        waveform_scale: WeSpeaker's models want 32768, 3D-Speaker's 1.

    Raises:
        ConfigError: If the file cannot be read, or is no graph from features to an embedding.
        MissingPackageError: If onnx or onnxruntime is not installed.
    """

    is_fixed = True
    graph: Tensor

    def __init__(
        self,
        sample_rate: int,
        graph: Tensor | None = None,
        *,
        path: str,
        window: WindowName = "hamming",
        waveform_scale: float = 32768.0,
    ) -> None:
        try:
            data = _read(path) if graph is None else _bytes(graph)
            opened = EmbeddingGraph(data, path)
        except ModelFileError as error:
            raise ConfigError(f"path: {error}") from error
        super().__init__(sample_rate, opened.num_bins, window, waveform_scale)
        self.embed_dim = opened.embed_dim
        self._opened = opened
        self._path = path
        self.register_buffer("graph", torch.frombuffer(bytearray(data), dtype=torch.uint8))
        self.register_load_state_dict_post_hook(_reopen)

    def encode(self, features: Tensor) -> SpeakerCue:
        """The cue of features (batch, bins, frames): an embedding, without frames."""
        if self._opened.num_threads != torch.get_num_threads():
            self._opened = EmbeddingGraph(self._opened.data, self._path)
        embeddings = self._opened(features.float().transpose(1, 2).contiguous().cpu().numpy())
        return SpeakerCue(torch.tensor(embeddings, device=features.device))

    def reopen(self) -> None:
        """Goes on with what `graph` has by now.

        Raises:
            ModelFileError: If it takes other features than before, or gives another embedding.
        """
        data = _bytes(self.graph)
        if data == self._opened.data:
            return
        opened = EmbeddingGraph(data, self._path)
        before = self._opened
        if (opened.num_bins, opened.embed_dim) != (before.num_bins, before.embed_dim):
            raise ModelFileError(
                f"{self._path}: another encoder takes its place, from {opened.num_bins} bins to "
                f"{opened.embed_dim} numbers. The model was built for {before.num_bins} bins and "
                f"{before.embed_dim} numbers"
            )
        self._opened = opened


def _reopen(encoder: nn.Module, keys: object) -> None:
    assert isinstance(encoder, ONNXEncoder)
    encoder.reopen()


def _bytes(graph: Tensor) -> bytes:
    return graph.cpu().numpy().tobytes()


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{path}: cannot be read ({error.strerror}). Name an encoder as an .onnx file"
        ) from error
