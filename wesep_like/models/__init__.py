"""Networks: speaker modules, separators, fusions, and the extraction model that they compose."""

from wesep_like.models.build import build_speaker, build_tse
from wesep_like.models.cue import SpeakerCue
from wesep_like.models.tse import TSEModel, TSEOutput

__all__ = ["SpeakerCue", "TSEModel", "TSEOutput", "build_speaker", "build_tse"]
