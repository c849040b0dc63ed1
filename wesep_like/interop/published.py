"""Published classes, by name, arguments and weights -> modules that compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from wesep_like.audio.fbank import PreEmphasisLogMel
from wesep_like.errors import ModelFileError
from wesep_like.interop import (
    wesep_2026,
    wesep_bsrnn,
    wesep_convtasnet,
    wesep_dpccn,
    wesep_tfgridnet,
)
from wesep_like.interop.names import without_unit_axes
from wesep_like.interop.wesep_fusions import fusion_section
from wesep_like.interop.wespeaker import encoder_section, encoder_weights
from wesep_like.models import SpeakerCue, TSEModel, build_speaker, build_tse
from wesep_like.models.model_file import load_weights
from wesep_like.models.separators.bsrnn import BSRNN
from wesep_like.models.separators.dpccn import DPCCN
from wesep_like.models.separators.tfgridnet import TFGridNet
from wesep_like.models.speakers import SpeakerModule
from wesep_like.models.speakers.base import FbankEncoder

# What the arguments determine; a published file carries it nevertheless.
_CONSTANTS = ("preEmphasis.", "spk_encoder.")
_TRANSFORM_DIM = 128
SAMPLE_RATE = 16000  # of all that WeSpeaker published


class PublishedEncoder(nn.Module):
    """A speaker encoder on the features that the published one takes.

    Attributes:
        speaker: Ours.
        config: How we call it: `task`, `sample_rate` and `model`.
    """

    def __init__(self, speaker: FbankEncoder, config: dict[str, Any]) -> None:
        super().__init__()
        self.speaker = speaker
        self.config = config

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, frames, bins) -> embeddings (batch, embed)."""
        embedding = self.speaker.encode(features.transpose(1, 2)).embedding
        assert embedding is not None
        return embedding


class PublishedExtraction(nn.Module):
    """A model on what the published one takes, returning what that returns.

    Attributes:
        model: Ours.
        config: How we call its parts: `task`, `sample_rate` and `model`.
        classifier: Its logits are returned too.
        frame: For ConvTasNet, which hears whole frames only: length and step of one.
        keeps_axis: Whether single estimates are (batch, 1, samples).
    """

    def __init__(
        self,
        model: TSEModel,
        config: dict[str, Any],
        classifier: nn.Linear | None = None,
        frame: tuple[int, int] | None = None,
        *,
        keeps_axis: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.classifier = classifier
        self.frame = frame
        self.keeps_axis = keeps_axis

    def forward(self, mixture: Tensor, aux: Tensor) -> Tensor | list[Tensor]:
        """The published model's output.

        Args:
            mixture: (batch, samples).
            aux: What the published model takes: enrollments (batch, samples), features (batch,
                frames, bins) or, where it has no encoder, embeddings (batch, embed).

        Returns:
            Estimates (batch, samples), of several scales a list of them; with a classifier a list
            that ends with its logits (batch, speakers).
        """
        cue, embedding = self._cue(aux)
        if self.frame is not None:
            length, step = self.frame
            mixture = mixture[:, : (mixture.shape[-1] - length) // step * step + length]
        estimates = self.model.estimates(mixture, cue)
        outputs = [estimates] if self.keeps_axis else list(estimates.unbind(1))
        if self.classifier is not None:
            outputs.append(self.classifier(embedding))
        return outputs[0] if len(outputs) == 1 else outputs

    def _cue(self, aux: Tensor) -> tuple[SpeakerCue, Tensor | None]:
        """What steers, and the embedding as the encoder gave it."""
        speaker: SpeakerModule = self.model.speaker
        if aux.ndim == 2 and not isinstance(speaker, TransformedSpeaker):
            cue = self.model.cue(aux)
            return cue, cue.embedding
        transform = nn.Sequential()
        if isinstance(speaker, TransformedSpeaker):
            transform, speaker = speaker.transform, speaker.speaker
        if aux.ndim == 2:
            embedding = speaker(aux).embedding
        else:
            assert isinstance(speaker, FbankEncoder)
            embedding = speaker.encode(aux.transpose(1, 2)).embedding
        return SpeakerCue(transform(embedding)), embedding


class GivenEmbedding(SpeakerModule):
    """No encoder: what stands for the enrollment is an embedding already."""

    min_samples = 1

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.embed_dim = embed_dim

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue that is `enrollment` (batch, embed)."""
        return SpeakerCue(enrollment)


class TransformedSpeaker(SpeakerModule):
    """A speaker module whose embeddings pass through linear layers (WeSep's SpeakerTransform)."""

    def __init__(self, speaker: SpeakerModule) -> None:
        super().__init__()
        assert speaker.embed_dim is not None
        self.speaker: SpeakerModule = speaker
        self.embed_dim: int = speaker.embed_dim
        self.min_samples = speaker.min_samples
        self.shares_separator = speaker.shares_separator
        self.transform = nn.Sequential(
            nn.Linear(self.embed_dim, _TRANSFORM_DIM),
            nn.Linear(_TRANSFORM_DIM, _TRANSFORM_DIM),
            nn.Tanh(),
            nn.Linear(_TRANSFORM_DIM, self.embed_dim),
        )

    def forward(self, enrollment: Tensor) -> SpeakerCue:
        """The cue of `enrollment` (batch, samples)."""
        return SpeakerCue(self.transform(self.speaker(enrollment).embedding))


def load_published(source: str, args: Mapping[str, Any], state: Mapping[str, Tensor]) -> nn.Module:
    """A module that computes what a published class does, with its weights.

    Args:
        source: Toolkit and class, as `WeSep BSRNN` or `WeSpeaker ResNet34`.
        args: The arguments of its constructor, as a published `config.yaml` has them.
        state: Its state dict.

    Returns:
        `PublishedExtraction` or `PublishedEncoder`, in evaluation mode.

    Raises:
        ModelFileError: If class or arguments are unknown here, or the weights are not theirs.
    """
    toolkit, _, name = source.partition(" ")
    if toolkit == "WeSpeaker":
        section = {"speaker": encoder_section(name, args, source)}
        speaker = build_speaker(section, SAMPLE_RATE, where=source)
        assert isinstance(speaker, FbankEncoder)
        load_weights(speaker, encoder_weights(state), source)
        config = {"task": "verification", "sample_rate": SAMPLE_RATE, "model": section}
        return PublishedEncoder(speaker, config).eval()
    if toolkit != "WeSep":
        raise ModelFileError(f"{source}: expected WeSep or WeSpeaker and the name of a class")
    return _extraction(name, args, state, source)


def _extraction(
    name: str, args: Mapping[str, Any], state: Mapping[str, Tensor], where: str
) -> PublishedExtraction:
    if name in wesep_2026.CLASSES:
        args, state = wesep_2026.older(args, state, where)
        name = wesep_2026.CLASSES[name]
    if name == "BSRNN_Feats":
        args = {**wesep_bsrnn.FEATS_DEFAULTS, **args}
    sample_rate = int(args.get("sr", SAMPLE_RATE))
    section = _section(name, args, sample_rate, where)
    config = {"task": "extraction", "sample_rate": sample_rate, "model": section}
    model = build_tse(section, sample_rate, where=where)
    is_twin = model.speaker.shares_separator
    if section["speaker"] is None:
        pass
    elif not args.get("joint_training", True):
        model.speaker = GivenEmbedding(args.get("spk_emb_dim", 256))
    elif not is_twin and not args.get("spk_feat", False):
        # In step with the separator's STFT.
        assert isinstance(model.speaker, FbankEncoder)
        assert isinstance(model.separator, (BSRNN, DPCCN, TFGridNet))
        model.speaker.fbank = PreEmphasisLogMel(
            sample_rate,
            num_bins=model.speaker.fbank.num_bins,
            win_samples=model.separator.stft.win_samples,
            hop_samples=model.separator.stft.hop_samples,
        )
    others: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {"pred_linear.": {}, "spk_transform.transforms.": {}}
    if not is_twin:
        parts["spk_model."] = {}
    for key, value in state.items():
        prefix = next((prefix for prefix in parts if key.startswith(prefix)), None)
        if prefix is not None:
            parts[prefix][key.removeprefix(prefix)] = value
        elif not key.startswith(_CONSTANTS):
            others[key] = value
    translate = {
        "BSRNN": wesep_bsrnn.weights,
        "BSRNN_Feats": wesep_bsrnn.weights,
        "BSRNN_Multi": wesep_bsrnn.weights,
        "ConvTasNet": wesep_convtasnet.weights,
        "DPCCN": wesep_dpccn.weights,
        "TFGridNet": wesep_tfgridnet.weights,
    }[name]
    weights = translate(args, others, model, where)
    speaker = encoder_weights(parts.get("spk_model.", {}))
    weights |= {f"speaker.{key}": value for key, value in speaker.items()}
    load_weights(model, without_unit_axes(model, weights), where)
    if args.get("use_spk_transform"):
        model.speaker = TransformedSpeaker(model.speaker)
        transform = without_unit_axes(model.speaker.transform, parts["spk_transform.transforms."])
        load_weights(model.speaker.transform, transform, f"{where}: spk_transform")
    classifier = None
    if args.get("multi_task"):
        assert model.speaker.embed_dim is not None
        classifier = nn.Linear(model.speaker.embed_dim, args["spksInTrain"])
        load_weights(classifier, parts["pred_linear."], f"{where}: pred_linear")
    if name != "ConvTasNet":
        return PublishedExtraction(model, config, classifier).eval()
    length = args.get("L", 16)
    is_plain = args.get("encoder_type", "Multi") is None
    return PublishedExtraction(
        model, config, classifier, (length, length // 2), keeps_axis=is_plain
    ).eval()


def _section(name: str, args: Mapping[str, Any], sample_rate: int, where: str) -> dict[str, Any]:
    """The `model` section of a published class and its arguments."""
    fusion = args.get("spk_fuse_type", "multiply")
    section: dict[str, Any] = {"fuse_before": "first"}
    if name in ("BSRNN", "BSRNN_Feats", "BSRNN_Multi"):
        section["separator"] = wesep_bsrnn.separator_section(args, sample_rate)
        if args.get("multi_fuse", True):
            section["fuse_before"] = "every"
    elif name == "DPCCN":
        section["separator"] = wesep_dpccn.separator_section(args, sample_rate, where)
        section["fuse_axis"] = "frequency"
    elif name == "TFGridNet":
        section["separator"] = wesep_tfgridnet.separator_section(args, sample_rate, where)
        section |= {"fuse_axis": "frequency", "fuse_before": "every", "fuse_shared": True}
    elif name == "ConvTasNet":
        section["separator"] = wesep_convtasnet.separator_section(args, sample_rate, where)
        section["fuse_before"] = "every"
        fusion = args.get("spk_fuse_type", wesep_convtasnet.CONCAT_WITHIN)
        if fusion == wesep_convtasnet.CONCAT_WITHIN:
            fusion = "additive"  # within the block, the same
    else:
        raise ModelFileError(
            f"{where}: no class of WeSep is called {name!r} here. "
            "Known: BSRNN, BSRNN_Feats, BSRNN_Multi, ConvTasNet, DPCCN, TFGridNet, TSE_BSRNN_SPK"
        )
    section["fusion"] = fusion_section(fusion, where)
    if name == "BSRNN_Feats":
        section["tf_map"] = wesep_bsrnn.tf_map(args, where)
        if section["fusion"] is None and section["tf_map"] != "frames":
            return {**section, "speaker": None}
    embed_dim = args.get("spk_emb_dim", 256)
    if (
        name == "ConvTasNet"
        and args.get("joint_training", True)
        and not args.get("spk_feat", False)
    ):
        if not wesep_convtasnet.is_spex_plus(args):
            raise ModelFileError(f"{where}: spk_feat: only true is known for this encoder_type")
        section["speaker"] = {"name": "twin_encoder", "embed_dim": embed_dim}
    elif args.get("joint_training", True):
        section["speaker"] = encoder_section(args["spk_model"], args["spk_args"], where)
    else:
        # Any of the right width, until what it says is given instead.
        section["speaker"] = {"name": "resnet18", "channels": 1, "embed_dim": embed_dim}
    return section
