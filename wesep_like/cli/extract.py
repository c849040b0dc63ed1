"""`wesep-like extract`: one voice out of one mixture, or out of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wesep_like.cli import options
from wesep_like.cli.jobs import Job, read_jobs
from wesep_like.cli.options import UsageError
from wesep_like.cli.output import (
    identify,
    print_result,
    progress_bar,
    refuse_inputs,
    say,
)
from wesep_like.config.atomic import make_folder
from wesep_like.errors import AudioError, WesepLikeError

if TYPE_CHECKING:
    import numpy as np

    from wesep_like.audio.io import Waveform
    from wesep_like.inference.extractor import Extractor
    from wesep_like.models.cue import SpeakerCue

EXAMPLES = (
    "wesep-like extract mixture.wav --enroll voice.wav -o target.wav",
    "wesep-like extract --list jobs.tsv -o targets/",
)


def run(
    mixture: Annotated[
        Path | None, typer.Argument(metavar="MIXTURE", help="The recording; any rate and length.")
    ] = None,
    enroll: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="WAV",
            help="Other speech of the wanted speaker, 3 s or more, or what 'wesep-like enroll' "
            "wrote (.cue). Once for each file.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="WAV or FLAC; with --list, a folder."),
    ] = None,
    jobs: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="TSV",
            help="Many at once: tab-separated, with the columns mixture, enroll (once or more) and "
            "output in the first line. Paths are relative to the list, outputs to the folder -o.",
        ),
    ] = None,
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "energy",
    max_seconds: options.MaxSeconds = 60.0,
    channel: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="Channel of the mixture, from 0. Without it, the mean of all."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Take one person's voice out of a recording where several speak.

    The result has the length and the sample rate of the mixture. Its similarity to the enrollment
    is the cosine of speaker embeddings: near 1 is the same voice, near 0 is another.
    """

    def load() -> Extractor:
        from wesep_like.inference.extractor import Extractor

        return Extractor.load(
            model, device, trust_code=trust_code, vad=vad, max_seconds=max_seconds
        )

    if jobs is not None and output is not None:
        if mixture is not None or enroll:
            raise UsageError("--list has its own mixtures. Leave out MIXTURE and --enroll")
        _extract_many(jobs, output, load, channel, as_json)
    elif jobs is None and mixture is not None and enroll and output is not None:
        _extract_one(Job("", mixture, tuple(enroll), output), load, channel, as_json)
    else:
        raise UsageError(
            "expected MIXTURE --enroll WAV -o OUT.wav, or --list TSV -o FOLDER. "
            "See 'wesep-like extract --help'"
        )


def _extract_one(
    job: Job, load: Callable[[], Extractor], channel: int | None, as_json: bool
) -> None:
    from wesep_like.audio.io import check_output

    # What can be refused at once is, before the model is loaded.
    check_output(job.output)
    refuse_inputs(job.output, identify([job.mixture, *job.enrollments]))
    recordings = _read(job, channel)
    extractor = load()
    with progress_bar("extracting") as progress:
        result = _extract(extractor, job, *recordings, progress)
    print_result(result, [_sentence(result)], as_json=as_json)


def _extract_many(
    jobs_file: Path,
    folder: Path,
    load: Callable[[], Extractor],
    channel: int | None,
    as_json: bool,
) -> None:
    jobs, problems = read_jobs(jobs_file, folder)
    make_folder(folder)
    for problem in problems:
        say(f"error: {problem}")
    extractor = load()
    results = []
    with progress_bar("extracting") as progress:
        for number, job in enumerate(jobs, start=1):
            try:
                make_folder(job.output.parent)
                results.append(_extract(extractor, job, *_read(job, channel)))
            except WesepLikeError as error:
                problems.append(f"{job.where}: {error}")
                say(f"error: {problems[-1]}")
            progress(number, len(jobs))
    lines = [*map(_sentence, results), f"{len(results)} extracted, {len(problems)} failed"]
    print_result({"results": results, "errors": problems}, lines, as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _read(job: Job, channel: int | None) -> tuple[Waveform, list[Waveform | None]]:
    """The mixture and the enrollments, each at its own rate; None for cues, which a model reads."""
    from wesep_like.audio.io import read
    from wesep_like.inference.cue_file import SUFFIX

    enrollments = [None if path.suffix == SUFFIX else read(path) for path in job.enrollments]
    return read(job.mixture, channel=channel), enrollments


def _extract(
    extractor: Extractor,
    job: Job,
    mixture: Waveform,
    enrollments: Sequence[Waveform | None],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Writes the result of a job and says what is to be told of it."""
    from wesep_like.audio.io import write

    cue = extractor.cue(
        [
            extractor.load_cue(path)
            if enrollment is None
            else extractor.cue(enrollment.samples, enrollment.sample_rate, where=str(path))
            for path, enrollment in zip(job.enrollments, enrollments, strict=True)
        ],
        mixture.sample_rate,
    )
    estimate = extractor.extract(
        mixture.samples, cue, mixture.sample_rate, where=str(job.mixture), progress=progress
    )
    factor = write(job.output, estimate, mixture.sample_rate)
    if factor < 1:
        say(f"warning: {job.output}: was too loud for 16 bits and is scaled by {factor:.3f}")
    similarity = _similarity(extractor, estimate, cue, mixture.sample_rate)
    if similarity is None and extractor.has_embedding:
        say(f"warning: {job.output}: has too little sound in it to tell a voice by")
    return {
        "mixture": str(job.mixture),
        "enrollments": [str(path) for path in job.enrollments],
        "output": str(job.output),
        "sample_rate": mixture.sample_rate,
        "num_samples": len(estimate),
        "similarity": similarity,
        "mixture_similarity": _similarity(extractor, mixture.samples, cue, mixture.sample_rate),
    }


def _similarity(
    extractor: Extractor, samples: np.ndarray, cue: SpeakerCue, sample_rate: int
) -> float | None:
    """How like the cue's voice it sounds; None where nothing can tell: of silence, say."""
    if not extractor.has_embedding:
        return None
    try:
        return extractor.similarity(samples, cue, sample_rate)
    except AudioError:
        return None


def _sentence(result: Mapping[str, Any]) -> str:
    length = f"{result['output']}: {result['num_samples'] / result['sample_rate']:.2f} s"
    after, before = (result[key] for key in ("similarity", "mixture_similarity"))
    if after is None and before is None:
        return length  # nothing here tells voices apart
    told = ["unknown" if value is None else f"{value:.2f}" for value in (after, before)]
    return f"{length}, similarity to the enrollment {told[0]} (the mixture has {told[1]})"
