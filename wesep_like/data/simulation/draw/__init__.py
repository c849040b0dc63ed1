"""Decide what is mixed with what; the only place where examples draw random numbers.

Touches no audio. Each stage draws from its own child generator, so switching one stage off leaves
what the others draw as it was.
"""

from wesep_like.data.simulation.draw.planner import MixturePlanner
from wesep_like.data.simulation.draw.premixed import PremixedPlanner
from wesep_like.data.simulation.draw.several_crops import CropsPlanner
from wesep_like.data.simulation.draw.speech import SpeechPlanner

__all__ = ["CropsPlanner", "MixturePlanner", "PremixedPlanner", "SpeechPlanner"]
