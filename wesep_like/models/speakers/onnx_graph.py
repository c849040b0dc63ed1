"""A speaker encoder as an ONNX graph: filterbank features in, embeddings out, by onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from wesep_like.errors import MissingPackageError, ModelFileError

# A second: as much as any encoder wants.
_PROBE_FRAMES = 100


class EmbeddingGraph:
    """A graph that has been checked and runs, on the CPU, with as many threads as PyTorch.

    Args:
        data: The bytes of an ONNX file. Weights in files of their own are refused: nothing but
            these bytes is ever read.
        where: What to call it in messages, say its path.

    Attributes:
        data: The bytes.
        num_bins: Of the features.
        embed_dim: Width of the embedding.
        num_threads: As PyTorch had when the graph was opened.

    Raises:
        ModelFileError: If it is no ONNX graph, or not one from features to an embedding.
        MissingPackageError: If onnx or onnxruntime is not installed.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.num_threads = torch.get_num_threads()
        self._where = where
        _refuse_other_files(data, where)
        self._session = _session(data, self.num_threads, where)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if not _is_of_features(inputs) or [output.type for output in outputs] != ["tensor(float)"]:
            raise ModelFileError(
                f"{where}: takes {_described(inputs)} and gives {_described(outputs)}. Expected "
                "one float input (batch, frames, bins) with any number of frames and a fixed "
                "number of bins, and one float output (batch, embedding)"
            )
        self._input = inputs[0].name
        # Exporters fix the batch at one where they are not told otherwise.
        self._is_batched = not isinstance(inputs[0].shape[0], int)
        self.num_bins: int = inputs[0].shape[2]
        embedding = self._run(np.zeros((1, _PROBE_FRAMES, self.num_bins), np.float32))
        if embedding.ndim != 2 or len(embedding) != 1:
            raise ModelFileError(
                f"{where}: gives an output of shape {embedding.shape} for one utterance. "
                "Expected (1, embedding)"
            )
        self.embed_dim = embedding.shape[1]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features (batch, frames, bins), float32 -> embeddings (batch, embed).

        Raises:
            ModelFileError: If the graph fails on them.
        """
        if self._is_batched:
            return self._run(features)
        return np.concatenate([self._run(features[[row]]) for row in range(len(features))])

    def _run(self, features: np.ndarray) -> np.ndarray:
        try:
            return self._session.run(None, {self._input: features})[0]
        except Exception as error:
            raise ModelFileError(
                f"{self._where}: fails on {features.shape[1]} frames of features "
                f"({_reason(error)}). Give longer recordings, or export the encoder anew"
            ) from error


def _session(data: bytes, num_threads: int, where: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(where) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    # Threads that wait for the next run in a loop would take the time of PyTorch's.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is told below
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # bytes that are no graph make it fail in any way
        raise _not_a_graph(where, error) from error


def _refuse_other_files(data: bytes, where: str) -> None:
    """Goes on only if all weights are in `data`."""
    try:
        import onnx
        from onnx.external_data_helper import uses_external_data
    except ImportError as error:
        raise _missing(where) from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        raise _not_a_graph(where, error) from error
    for part in _parts(model):
        if isinstance(part, onnx.TensorProto) and uses_external_data(part):
            raise ModelFileError(
                f"{where}: has weights in a file beside it (as {part.name}). Expected all in one: "
                "onnx.save(onnx.load(PATH), NEW_PATH) puts them together"
            )


def _parts(message: Any) -> Iterator[Any]:
    """A protobuf message and all messages in it, at any depth."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _parts(part)


def _is_of_features(inputs: list[Any]) -> bool:
    if [one.type for one in inputs] != ["tensor(float)"] or len(inputs[0].shape) != 3:
        return False
    batch, frames, bins = inputs[0].shape  # a number where it is fixed
    is_any_batch = batch == 1 or not isinstance(batch, int)
    return is_any_batch and not isinstance(frames, int) and isinstance(bins, int)


def _described(values: list[Any]) -> str:
    listed = [f"{one.name} {one.type.removeprefix('tensor')} {one.shape}" for one in values]
    return " and ".join(listed) or "nothing"


def _not_a_graph(where: str, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"{where}: not an ONNX graph that runs ({_reason(error)}). Expected an encoder as .onnx"
    )


def _missing(where: str) -> MissingPackageError:
    return MissingPackageError(
        f"{where}: needs the packages onnx and onnxruntime. 'pip install onnx onnxruntime'"
    )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
