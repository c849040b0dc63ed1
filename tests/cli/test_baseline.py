import json
from pathlib import Path

import numpy as np
import pytest

from wesep_like.audio.io import info, read
from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.inference.embedder import Embedder


@pytest.fixture
def utterances(make_wav):
    """Six recordings and their manifest."""
    for number in range(6):
        make_wav(f"{number}.wav", 1.2, seed=number)
    records = [Utterance(f"u{n}", str(n // 2), f"{n}.wav", 19200, 16000) for n in range(6)]
    write_manifest("utterances.jsonl", records)


UBM = "baseline gmm_ubm utterances.jsonl -o ubm --components 4 --cepstra 5 --rounds 2"


@pytest.mark.usefixtures("utterances")
def test_a_gmm_ubm_scores_by_likelihood_ratios(cli):
    said = cli(UBM)
    assert (said.code, said.err) == (0, "")
    assert said.out == "ubm/model: 4 components, from 708 frames of 6 utterances\n"
    Path("trials.txt").write_text("1 u0 u0\n0 u1 u0\n0 u0 u1\n0 3.wav 2.wav\n")
    said = cli("score trials.txt -o scores.txt --model ubm")
    assert (said.code, said.err) == (0, "")
    scores = [float(line.split()[2]) for line in Path("scores.txt").read_text().splitlines()]
    embedder = Embedder.load("ubm", "cpu")
    cues = [embedder.cue(wave.samples, 16000) for wave in map(read, ("0.wav", "1.wav"))]
    expected = [
        float(embedder.speaker.log_likelihood_ratios(cues[a].embedding, cues[b].frames.values[0]))
        for a, b in ((0, 0), (1, 0), (0, 1))
    ]
    assert scores[:3] == pytest.approx(expected, abs=1e-4)
    assert scores[0] > 0
    assert scores[0] > scores[1] != scores[2]  # the second is heard under a model of the first


@pytest.mark.usefixtures("utterances")
def test_supervectors_and_ivectors_are_embeddings(cli):
    assert cli(UBM).code == 0
    said = cli("baseline ivector utterances.jsonl --ubm ubm -o ivector --dim 3 --rounds 2")
    assert (said.code, said.err) == (0, "")
    assert said.out == "ivector/model: i-vectors of 3 numbers, from 6 utterances\n"
    for model, dim in (("ubm", 60), ("ivector", 3)):
        said = cli(f"embed --utterances utterances.jsonl -o {model}.npz --model {model}")
        assert (said.code, said.err) == (0, "")
        assert said.out == f"{model}.npz: 6 embeddings of {dim} numbers\n"
        Path("trials.txt").write_text("1 u0 u0\n0 u0 u2\n")
        assert cli(f"score trials.txt -o scores.txt --embeddings {model}.npz").code == 0
        first, second = Path("scores.txt").read_text().splitlines()
        assert float(first.split()[2]) == pytest.approx(1, abs=1e-5)
        assert float(second.split()[2]) < 0.99
    assert cli("score trials.txt -o cosine.txt --model ivector").code == 0
    assert Path("cosine.txt").read_text() == Path("scores.txt").read_text()
    assert "speaker: name ivector, embed_dim 3, " in cli("info ivector").out


@pytest.mark.usefixtures("utterances")
def test_what_does_not_go_together(cli):
    assert cli(UBM).code == 0
    Path("trials.txt").write_text("1 u0 u0\n")
    np.savez("some.npz", paths=["a", "b"], embeddings=np.eye(2), speakers=["a", "b"])
    for more, name in {
        "--backend some.npz": "--backend",
        "--mean some.npz": "--mean",
        "--norm s --cohort some.npz": "--norm",
        "--cohort some.npz --quality": "--cohort",
    }.items():
        said = cli(f"score trials.txt -o s.txt --model ubm {more}")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {name}: compares embeddings, and a GMM-UBM scores by")
    assert cli(UBM).err.startswith("error: ubm/model: is there already")
    said = cli("baseline ivector utterances.jsonl --ubm model -o ivector")
    assert said.err.startswith("error: model: no GMM-UBM")
    said = cli("baseline gmm_ubm nowhere.jsonl -o other")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "nowhere.jsonl" in said.err


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_speakers_of_real_speech_are_told_apart(cli, shared):
    corpus = shared / "corpus" / "LibriSpeech"
    for name, pattern in (("train", "train-clean-100/*/*/*-0000.*"), ("test", "test-other/*/*/*")):
        paths = [path for path in sorted(corpus.glob(pattern)) if path.suffix != ".txt"]
        found = {path: info(path) for path in paths[: 100 if name == "train" else 50]}
        write_manifest(
            f"{name}.jsonl",
            [
                Utterance(path.stem, path.parts[-3], str(path), it.num_samples, it.sample_rate)
                for path, it in found.items()
            ],
        )
    ids = [json.loads(line)["id"] for line in Path("test.jsonl").read_text().splitlines()]
    pairs = [(a, b) for n, a in enumerate(ids) for b in ids[:n]]
    lines = [f"{int(a.split('-')[0] == b.split('-')[0])} {a} {b}\n" for a, b in pairs]
    Path("trials.txt").write_text("".join(lines))
    assert len(lines) == 1225
    assert cli("baseline gmm_ubm train.jsonl -o ubm --components 32 --rounds 5").code == 0
    assert cli("baseline ivector train.jsonl --ubm ubm -o ivector --dim 40").code == 0
    for model, highest in (("ubm", 0.12), ("ivector", 0.2)):
        line = f"score trials.txt --utterances test.jsonl -o scores.txt --model {model}"
        assert cli(line).code == 0
        assert json.loads(cli("eer scores.txt --json").out)["eer"] < highest
