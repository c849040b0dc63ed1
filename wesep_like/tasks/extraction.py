"""What is learnt in target-speaker extraction, and how it is validated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn.functional import pad

from wesep_like.audio.feature_masks import FeatureMasks
from wesep_like.data.batch import Batch
from wesep_like.data.simulation.clips import Clips
from wesep_like.data.simulation.render import render
from wesep_like.losses import AbsentTargetLoss, SpeakerLoss
from wesep_like.metrics.attenuation import attenuation
from wesep_like.metrics.report import FAILURE_BELOW_DB
from wesep_like.metrics.sdr import si_sdr
from wesep_like.models import SpeakerCue, TSEModel
from wesep_like.models.tse import PartName
from wesep_like.tasks.base import Task
from wesep_like.tasks.cue_cache import CueCache
from wesep_like.tasks.gathered import mean_rows, mean_terms
from wesep_like.tasks.metric_gan import MetricGAN
from wesep_like.tasks.parameter_groups import MakeOptimizer, groups_by_rate
from wesep_like.tasks.self_enrollment import SelfEnrollmentOptions
from wesep_like.tasks.validated import VALIDATED
from wesep_like.tasks.waveform_terms import Weighted, waveform_terms
from wesep_like.tasks.written import is_written


@dataclass(frozen=True)
class Shown:
    """What a validation example sounds like: signals (samples,) by name."""

    name: str
    signals: dict[str, Tensor]
    sample_rate: int


class ExtractionTask(Task):
    """Learns to extract: what a batch means. How steps are run is the trainer's business.

    Args:
        model: The model.
        losses: Compare estimates with the target, where it speaks.
        make_optimizer: Groups of parameters -> optimiser and its schedule, stepped every step.
        speaker_head: Tells the training speakers apart by the embedding; for a speaker module
            that is trained jointly.
        speaker_weight: Weight of its loss.
        enrollments_recur: The training data has a fixed set of enrollments, so that the cues of a
            frozen speaker module are kept.
        self_enrollment: Let estimates serve as enrollments.
        metric_gan: Learns PESQ beside the model, and is a further loss of the answer.
        learning_rates: Of parts of the model that learn at another rate than the rest.
        absent_loss: Of the answer, where the enrolled speaker does not speak.
    """

    model: TSEModel
    validated = VALIDATED["extraction"]
    example = "mixture"
    answer = "estimates"

    def __init__(
        self,
        model: TSEModel,
        losses: Sequence[Weighted],
        make_optimizer: MakeOptimizer,
        *,
        speaker_head: SpeakerLoss | None = None,
        speaker_weight: float = 0.0,
        enrollments_recur: bool = False,
        self_enrollment: SelfEnrollmentOptions | None = None,
        metric_gan: MetricGAN | None = None,
        learning_rates: Mapping[PartName, float] | None = None,
        absent_loss: AbsentTargetLoss | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.losses = list(losses)
        self.loss_modules = nn.ModuleList(weighted.loss for weighted in losses)
        self.speaker_head = speaker_head
        self.speaker_weight = speaker_weight
        self._make_optimizer = make_optimizer
        self._enrollments_recur = enrollments_recur
        self._self_enrollment = self_enrollment
        self.metric_gan = metric_gan
        self.learning_rates = dict(learning_rates or {})
        self.absent_loss = absent_loss or AbsentTargetLoss()
        self._cues = CueCache()
        self._term_names: dict[str, float] = {}
        self._valid_rows: dict[str, dict[str, float]] = {}

    @property
    def answering(self) -> nn.Module:
        """See the base."""
        return self.model.separator

    def signals(self, batch: Batch) -> dict[str, Tensor]:
        """See the base."""
        return {name: getattr(batch, name) for name in ("mixture", "target", "enrollment")}

    def parts(self) -> dict[str, nn.Module]:
        """See the base."""
        others = {"speaker_head": self.speaker_head, "discriminator": self.metric_gan}
        found = {name: part for name, part in others.items() if part is not None}
        return {**dict(self.model.named_children()), **found}

    def on_after_batch_transfer(self, clips: Clips, dataloader_idx: int) -> Batch:
        """Mixes the clips on the device that they are on by now."""
        return render(clips)

    def training_losses(self, batch: Batch) -> Mapping[str, Tensor]:
        """Each term of the loss by name, unweighted, and their weighted sum as `loss`."""
        cue = self._cue(batch, recurs=self._enrollments_recur, masks=batch.enrollment_masks)
        own = self._self_enrollment
        if own is not None and own.replaces(batch.ids):
            with torch.no_grad():
                estimate = self.model.extract(batch.mixture, cue)
            cue = self._self_enrolled(estimate, batch)
        estimates = self.model.estimates(batch.mixture, cue)
        terms = self._terms(estimates, cue, batch)
        if self.metric_gan is not None:
            answer, has_target = estimates[:, 0] * batch.is_inside, batch.has_target
            quality = self.metric_gan.estimate_loss(answer, batch.target, has_target)
            learnt = self.metric_gan.discriminator_loss(
                answer, batch.mixture, batch.target, has_target
            )
            total = terms["loss"] + self.metric_gan.options.weight * quality + learnt
            terms = {**terms, "metric_gan": quality, "discriminator": learnt, "loss": total}
        if own is None or own.second_weight is None:
            return terms
        cue = self._self_enrolled(estimates[:, 0].detach(), batch)
        second = self._terms(self.model.estimates(batch.mixture, cue), cue, batch)
        total = torch.lerp(terms["loss"], second["loss"], own.second_weight)
        return {**terms, **{f"second_{name}": term for name, term in second.items()}, "loss": total}

    def _terms(self, estimates: Tensor, cue: SpeakerCue, batch: Batch) -> dict[str, Tensor]:
        """Each term of the loss of one pass by name, and their weighted sum as `loss`."""
        terms, total = waveform_terms(self.losses, self.absent_loss, estimates, batch)
        if self.speaker_head is not None:
            assert cue.embedding is not None
            terms["speaker"] = self.speaker_head(cue.embedding, batch.speakers)
            total = total + self.speaker_weight * terms["speaker"]
        return {**terms, "loss": total}

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """One step's loss."""
        terms = self.training_losses(batch)
        self.take_note(terms["loss"], batch.ids)
        found = self._logged(terms, batch)
        # Of a term that nothing in this batch has, Lightning would go on telling the last value.
        self._term_names |= dict.fromkeys(found, math.nan)
        for name, value in {**self._term_names, **found}.items():
            self.log(f"train/{name}", value, prog_bar=name == "loss", batch_size=1)
        return terms["loss"]

    def _logged(self, terms: Mapping[str, Tensor], batch: Batch) -> Mapping[str, Tensor | float]:
        """The terms; where they are written down, over the examples of all processes."""
        if self.trainer.world_size == 1 or not is_written(self.trainer):
            return {name: value.detach() for name, value in terms.items()}
        num_speaking, num_all = int(batch.has_target.sum()), len(batch.ids)
        num_of = {weighted.name: num_speaking for weighted in self.losses}
        num_of["absent"] = num_all - num_speaking
        return mean_terms(
            {
                name: (value.item(), num_of.get(name.removeprefix("second_"), num_all))
                for name, value in terms.items()
            }
        )

    def _cue(self, batch: Batch, *, recurs: bool, masks: FeatureMasks | None = None) -> SpeakerCue:
        # What is masked is another cue each time.
        if recurs and masks is None and self.model.is_speaker_frozen:
            with torch.autocast(self.device.type, enabled=False):
                return self._cues.cue(self.model, batch)
        return self._heard(batch.enrollment, batch.enrollment_samples, masks)

    def _self_enrolled(self, estimate: Tensor, batch: Batch) -> SpeakerCue:
        """The cue of estimates; where the target is absent, they are of another: the enrollment's.

        Args:
            estimate: (batch, samples).
            batch: What it was made from.
        """
        if bool(batch.has_target.all()):
            return self._heard(estimate, batch.mixture_samples)
        longest = max(estimate.shape[-1], batch.enrollment.shape[-1])
        own, other = (
            pad(signal, (0, longest - signal.shape[-1])) for signal in (estimate, batch.enrollment)
        )
        return self._heard(
            torch.where(batch.has_target[:, None], own, other),
            torch.where(batch.has_target, batch.mixture_samples, batch.enrollment_samples),
        )

    def _heard(
        self,
        enrollment: Tensor,
        enrollment_samples: Tensor | None = None,
        masks: FeatureMasks | None = None,
    ) -> SpeakerCue:
        # What will not be learnt is computed as `extract` will compute it, in full precision.
        is_mixed = torch.is_autocast_enabled(self.device.type)
        with torch.autocast(
            self.device.type, enabled=is_mixed and not self.model.is_speaker_frozen
        ):
            return self.model.cue(enrollment, enrollment_samples, masks)

    def validation_step(self, batch: Batch, index: int) -> dict[str, list[Shown]]:
        """SI-SDR of fixed mixtures, each treated as `extract` would treat it; they are `shown`.

        Where the target is absent, the attenuation of the mixture.
        Masks are for training: nothing of an enrollment is hidden here.
        """
        cue = self._cue(batch, recurs=True)
        shown = []
        for row, length in enumerate(batch.mixture_samples.tolist()):
            one = slice(row, row + 1)
            mixture = batch.mixture[one, :length]
            target = batch.target[one, :length]
            estimate = self.model.extract(mixture, cue.row(row)).float()
            if batch.has_target[row]:
                after = si_sdr(estimate, target)
                improvement = after - si_sdr(mixture, target)
                self._valid_rows[batch.ids[row]] = {
                    "si_sdr": after.item(),
                    "si_sdri": improvement.item(),
                    "failure_rate": float(improvement.item() < FAILURE_BELOW_DB),
                }
            else:
                quieter = attenuation(estimate, mixture)
                self._valid_rows[batch.ids[row]] = {"attenuation_db": quieter.item()}
            signals = {"mixture": mixture, "estimate": estimate, "target": target}
            first = {name: signal[0] for name, signal in signals.items()}
            shown.append(Shown(batch.ids[row], first, self.model.sample_rate))
        return {"shown": shown}

    def on_validation_epoch_end(self) -> None:
        """Logs the means over all fixed mixtures, each once, whichever process had it."""
        for name, mean in mean_rows(self._valid_rows).items():
            self.log(f"valid/{name}", mean, prog_bar=name == "si_sdri", sync_dist=True)
        self._valid_rows = {}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimiser of all that is not frozen, and its schedule."""
        rates = {self.model.get_submodule(part): rate for part, rate in self.learning_rates.items()}
        groups = groups_by_rate(self._learns(), rates)
        if self.metric_gan is not None:
            judges = list(self.metric_gan.parameters())
            groups.append({"params": judges, "lr": self.metric_gan.options.learning_rate})
        optimizer, schedule = self._make_optimizer(groups)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step", "frequency": 1},
        }

    def clipped_together(self) -> list[list[nn.Parameter]]:
        """All but the discriminator, and the discriminator by itself."""
        judges = [] if self.metric_gan is None else [list(self.metric_gan.parameters())]
        return [self._learns(), *judges]

    def _learns(self) -> list[nn.Parameter]:
        """The parameters of all but the discriminator, which has a loss of its own."""
        judges = [] if self.metric_gan is None else self.metric_gan.parameters()
        known = {id(parameter) for parameter in judges}
        return [parameter for parameter in self.parameters() if id(parameter) not in known]
