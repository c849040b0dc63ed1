"""What a loss is: a module that says how far an output is from where it should be."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from wesep_like.config.registry import Registry


class WaveformLoss(nn.Module, ABC):
    """A distance of waveforms; smaller is better."""

    @abstractmethod
    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """One finite, differentiable number an item.

        Args:
            estimate: (batch, samples).
            target: (batch, samples); may be silent, as a short piece of speech can be.

        Returns:
            (batch,).
        """


class SpeakerLoss(nn.Module, ABC):
    """What teaches a speaker module by who speaks; its weights are thrown away after training.

    Attributes:
        has_margin: Whether it holds a margin, of which `margin_share` is how much.
        compares_utterances: Whether it learns from speakers who have several utterances in a batch,
            and from nothing else.
        margin_share: From 0 to 1: for a schedule to raise while training.
        begin_anew: Those of its weights that begin where the config says in each run, also in one
            that goes on with the weights of another.
    """

    has_margin: bool = False
    compares_utterances: bool = False
    margin_share: float = 1.0
    begin_anew: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """How far the embeddings are from telling speakers apart.

        Args:
            embedding: (batch, embed).
            speakers: (batch,), each an index or -1 for unknown: such an item is left out.

        Returns:
            A scalar; 0 if nothing is known that could be learnt from.
        """


class SpeakerHead(SpeakerLoss):
    """Tells the training speakers apart by their embeddings."""

    @abstractmethod
    def logits(self, embedding: Tensor, speakers: Tensor | None = None) -> Tensor:
        """How much each embedding looks like each training speaker.

        Args:
            embedding: (batch, embed).
            speakers: (batch,), each an index or -1 for unknown; a margin is held against these.
                Without them nothing is, as for counting right answers.

        Returns:
            (batch, speakers).
        """

    def forward(self, embedding: Tensor, speakers: Tensor) -> Tensor:
        """Cross entropy, averaged over those whose speaker is known; see the base."""
        known = speakers >= 0
        entropy = nn.functional.cross_entropy(
            self.logits(embedding, speakers), speakers, ignore_index=-1, reduction="sum"
        )
        return entropy / known.sum().clamp_min(1)


LOSSES: Registry = Registry("loss", WaveformLoss)
SPEAKER_LOSSES: Registry = Registry("speaker loss", SpeakerLoss)
