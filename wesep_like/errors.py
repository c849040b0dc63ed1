"""The errors that a user can cause; each is also the builtin error that it is.

A message reads `where: what is wrong (what was found). What is allowed or near. What to do.`
The command line prints it as one line and exits with code 2; anything else is our own bug.
"""

from __future__ import annotations

from collections.abc import Iterable


class WesepLikeError(Exception):
    """A mistake of the user's, not of ours."""


class ConfigError(WesepLikeError, ValueError):
    """One or more things are wrong in a config; all of them are told at once.

    Args:
        problems: One line each, beginning with the key path.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class AudioError(WesepLikeError, ValueError):
    """A file or a signal cannot be used as audio."""


class SilentSignalError(AudioError):
    """A signal that must have sound in it has none."""


class SampleRateError(AudioError):
    """Two sample rates that must agree do not."""


class ShapeError(WesepLikeError, ValueError):
    """Two signals that must have one shape have two."""


class ManifestError(WesepLikeError, ValueError):
    """A line of an index of data is wrong, or a corpus is not laid out as it should be."""


class ModelFileError(WesepLikeError, ValueError):
    """A model file is missing, is none, or belongs to another architecture."""


class TrainingError(WesepLikeError, ArithmeticError):
    """A run cannot go on: what is learnt from is no longer a number."""


class TrialError(WesepLikeError, ValueError):
    """A list of trials or scores cannot be used."""


class OutputError(WesepLikeError, OSError):
    """A result cannot be written where it was asked for."""


class MissingPackageError(WesepLikeError, ImportError):
    """An optional package is needed and not installed."""


class RunEndedError(WesepLikeError, RuntimeError):
    """A training run was ended before its last step, and can be resumed."""
