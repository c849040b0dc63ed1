"""`wesep-like score`: how alike the voices of each trial in a list are."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wesep_like.cli import options
from wesep_like.cli.output import identify, progress_bar, refuse_inputs, say
from wesep_like.errors import TrialError

if TYPE_CHECKING:
    from wesep_like.data.embedding_archive import Embeddings
    from wesep_like.evaluation.calibration_file import CalibrationFile
    from wesep_like.evaluation.embeddings import Encoder
    from wesep_like.evaluation.score_origin import Origin
    from wesep_like.evaluation.trial_scores import Scoring

EXAMPLES = (
    "wesep-like score data/mini/test/trials.txt -o scores.txt",
    "wesep-like score veri_test.txt --root VoxCeleb1/wav --model exp/resnet34 -o scores.txt",
    "wesep-like score trials.txt --embeddings test.npz --backend plda.npz -o scores.txt",
    "wesep-like score trials.txt --embeddings test.npz --norm as --cohort train.npz -o scores.txt",
)


class Norm(str, Enum):
    """How scores are normalised: by the first utterance's cohort scores, the other's, or both."""

    z = "z"
    t = "t"
    s = "s"
    adaptive = "as"


def run(
    trials: Annotated[
        Path, typer.Argument(metavar="TRIALS", help="Lines '1 a b', 'a b target' or 'a b'.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="SCORES", help="Lines 'a b score' to write.")
    ],
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the audio is. [default: the folder of TRIALS]"),
    ] = None,
    utterances: Annotated[
        Path | None,
        typer.Option(
            metavar="JSONL",
            help="Manifest, if trials name ids. [default: utterances.jsonl in that folder, if any]",
        ),
    ] = None,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="NPZ",
            help="What 'embed' wrote, in place of a model that hears all; may be repeated.",
        ),
    ] = None,
    backend: Annotated[
        Path | None,
        typer.Option(metavar="NPZ", help="What 'backend' wrote. [default: cosine]"),
    ] = None,
    mean: Annotated[
        Path | None,
        typer.Option(metavar="NPZ", help="Embeddings whose mean is taken away before the cosine."),
    ] = None,
    norm: Annotated[
        Norm | None,
        typer.Option(
            help="Normalise scores by those with --cohort: z, t, s, or s of the most alike, as."
        ),
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option(metavar="NPZ", help="Embeddings of speakers who are in no trial."),
    ] = None,
    top_n: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many of the cohort count for 'as'. [default: 300]"),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", help="Write what is known of the recordings, too, for 'calibrate'."
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="What 'calibrate' wrote: scores become ratios by it."),
    ] = None,
    workers: options.EmbedWorkers = 0,
    model: options.Model = None,
    device: options.Device = "auto",
    trust_code: options.TrustCode = False,
    vad: options.Vad = "none",
    max_seconds: options.MaxSeconds = None,
) -> None:
    """Score a list of trials, by the cosine of embeddings or by a backend.

    A GMM-UBM scores by log-likelihood ratios: of the second recording of a trial, under a model of
    the first one's speaker and under that of all.

    'wesep-like eer' then gives the error rates. Trials with a recording that cannot be used are
    left out; the exit code is then 1.
    """
    from wesep_like.config.atomic import check_writable
    from wesep_like.evaluation.calibration_file import read_calibration
    from wesep_like.evaluation.score_origin import file_digest, write_origin
    from wesep_like.evaluation.trial_names import find_audio, find_rows
    from wesep_like.evaluation.trial_scores import score_trials, usable
    from wesep_like.evaluation.trials import read_trials, write_scores

    hearing = {
        "--model": model is not None,
        "--utterances": utterances is not None,
        "--vad": vad != "none",
        "--max-seconds": max_seconds is not None,
        "--workers": workers > 0,
    }
    if embeddings and any(hearing.values()):
        raise options.UsageError(
            f"{next(name for name, is_given in hearing.items() if is_given)}: hears recordings, "
            "and --embeddings have been heard already. Give one of the two"
        )
    _check_fit(backend, mean, norm, cohort, top_n, is_measured=quality or calibration is not None)
    check_writable(output)
    problems: list[str] = []
    by_likelihood = None
    pairs = read_trials(trials)
    folder = trials.parent if root is None else root
    inputs = [trials, *(embeddings or []), *filter(None, (backend, mean, cohort, calibration))]
    if embeddings:
        from wesep_like.data.embedding_archive import read_joined

        refuse_inputs(output, identify(inputs))
        heard = read_joined(embeddings)
        rows = find_rows(pairs, heard, folder)
    else:
        # Torch is in these, and takes longer to import than most lists to score.
        from wesep_like.evaluation.embeddings import Encoder
        from wesep_like.evaluation.likelihood_ratios import has_likelihoods

        audio = find_audio(pairs, folder, utterances)
        refuse_inputs(output, identify([*inputs, *audio.values()]))
        encoder = Encoder(model, device, trust_code, vad, max_seconds)
        if has_likelihoods(encoder.embedder):
            by_likelihood = encoder.embedder
            _check_compares_no_embeddings(backend, mean, norm, cohort)
        heard, problems = _heard(encoder, audio, workers)
        rows = {name: row for row, name in enumerate(heard.ids.tolist())}
    learnt = None if calibration is None else read_calibration(calibration)
    scoring = _scoring(heard, backend, mean, norm, cohort, top_n, quality, learnt)
    origin = _origin(heard, backend, mean, cohort, scoring, by_likelihood is not None)
    if learnt is not None:
        learnt.check_fits(origin, output)
    kept, more_problems = usable(pairs, rows, heard)
    problems = [*problems, *more_problems]
    if not kept:
        raise TrialError("\n".join(problems))
    ratios = None
    if by_likelihood is not None:
        from wesep_like.evaluation.likelihood_ratios import likelihood_ratios

        with progress_bar("comparing") as progress:
            ratios = likelihood_ratios(by_likelihood, kept, rows, heard, progress=progress)
    write_scores(output, score_trials(kept, rows, heard, scoring, scores=ratios))
    write_origin(output, {**origin, "calibration": file_digest(calibration)})
    for problem in problems:
        say(f"error: {problem}")
    typer.echo(f"{output}: {len(kept)} of {len(pairs)} trials scored")
    if problems:
        raise typer.Exit(1)


def _check_fit(
    backend: Path | None,
    mean: Path | None,
    norm: Norm | None,
    cohort: Path | None,
    top_n: int | None,
    *,
    is_measured: bool,
) -> None:
    """Goes on only if these options go together."""
    if backend is not None and mean is not None:
        raise options.UsageError("--mean: a backend has a mean of its own. Give one of the two")
    if norm is not None and cohort is None:
        raise options.UsageError("--norm: expected --cohort, speakers to compare scores with")
    if cohort is not None and norm is None and not is_measured:
        raise options.UsageError("--cohort: expected --norm, what to do with it")
    if top_n is not None and (cohort is None or norm in (Norm.z, Norm.t, Norm.s)):
        raise options.UsageError("--top-n: is that of --norm as, of the others all count")


def _check_compares_no_embeddings(
    backend: Path | None, mean: Path | None, norm: Norm | None, cohort: Path | None
) -> None:
    """Goes on only if no option is given that a GMM-UBM's likelihood ratios have no use for."""
    wanted = {"--backend": backend, "--mean": mean, "--norm": norm, "--cohort": cohort}
    for name, value in wanted.items():
        if value is not None:
            raise options.UsageError(
                f"{name}: compares embeddings, and a GMM-UBM scores by likelihood ratios. Leave it "
                "out, or give what 'wesep-like embed' makes of its supervectors as --embeddings"
            )


def _heard(
    encoder: Encoder, audio: Mapping[str, Path], workers: int
) -> tuple[Embeddings, list[str]]:
    from wesep_like.evaluation.embeddings import Recording, embed_recordings

    recordings = [Recording(str(path), name) for name, path in audio.items()]
    with progress_bar("embedding") as progress:
        return embed_recordings(encoder, recordings, num_workers=workers, progress=progress)


def _scoring(
    heard: Embeddings,
    backend: Path | None,
    mean: Path | None,
    norm: Norm | None,
    cohort: Path | None,
    top_n: int | None,
    quality: bool,
    learnt: CalibrationFile | None,
) -> Scoring:
    from wesep_like.data.embedding_archive import read_embeddings
    from wesep_like.evaluation.backend_file import read_backend
    from wesep_like.evaluation.trial_scores import TOP_N, Cohort, Scoring
    from wesep_like.scoring.backend import Backend
    from wesep_like.scoring.transforms import centring

    def read(path: Path) -> Embeddings:
        found = read_embeddings(path)
        heard.check_same_encoder(found)
        return found

    compared = Backend()
    if backend is not None:
        file = read_backend(backend)
        file.check_takes(heard)
        compared = file.backend
    elif mean is not None:
        compared = Backend((centring(read(mean).vectors),))
    return Scoring(
        compared,
        None if norm is None else norm.value,
        None if cohort is None else Cohort.of(read(cohort)),
        TOP_N if top_n is None else top_n,
        quality,
        None if learnt is None else learnt.calibration,
    )


def _origin(
    heard: Embeddings,
    backend: Path | None,
    mean: Path | None,
    cohort: Path | None,
    scoring: Scoring,
    by_likelihood: bool,
) -> Origin:
    """How the scores are made, before any calibration."""
    from wesep_like.evaluation.score_origin import file_digest

    counts_all = cohort is None or scoring.norm in ("z", "t", "s")
    origin = {
        "model": heard.model,
        "backend": "likelihood ratios" if by_likelihood else file_digest(backend),
        "mean": file_digest(mean),
        "norm": scoring.norm or "none",
        "cohort": file_digest(cohort),
        "top_n": "none" if counts_all else str(scoring.top_n),
        "calibration": "none",
    }
    return {name: value for name, value in origin.items() if value}
