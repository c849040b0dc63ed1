"""From embeddings to error rates: backend, score, calibrate, eer."""

import itertools
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from wesep_like.data.embedding_archive import read_embeddings, write_embeddings
from wesep_like.evaluation.score_origin import read_origin


@pytest.fixture
def archives(place, make_embeddings):
    """Embeddings of 30 speakers to learn from, of 10 to calibrate by and of 10 to test with."""
    rng = np.random.default_rng(0)
    scales = np.linspace(0.3, 2, 6)

    def write(name, num_speakers, per_speaker):
        places = 1.5 + rng.standard_normal((num_speakers, 6))
        vectors = np.repeat(places, per_speaker, axis=0)
        vectors = vectors + scales * rng.standard_normal(vectors.shape)
        speakers = np.repeat([f"{name}{n}" for n in range(num_speakers)], per_speaker)
        ids = [f"{name}-{n}" for n in range(len(vectors))]
        made = make_embeddings(
            vectors,
            ids=ids,
            speakers=speakers,
            seconds=rng.uniform(1, 5, len(vectors)),
            model="m vad=none",
        )
        write_embeddings(f"{name}.npz", made)
        lines = [
            f"{int(speakers[a] == speakers[b])} {ids[a]} {ids[b]}"
            for a, b in itertools.combinations(range(len(ids)), 2)
        ]
        Path(f"{name}.txt").write_text("\n".join(lines))

    write("train", 30, 6)
    write("dev", 10, 4)
    write("test", 10, 4)
    return place


def report(cli, line):
    said = cli(f"eer {line} --json")
    assert said.code == 0, said.err
    return json.loads(said.out)


@pytest.mark.usefixtures("archives")
def test_from_embeddings_to_error_rates(cli):
    said = cli("backend train.npz -o plda.npz --kind plda --centre --lda 5")
    assert (said.code, said.err) == (0, "")
    assert said.out == "plda.npz: plda, of 180 embeddings of 30 speakers\n"
    assert cli("score test.txt --embeddings test.npz -o cosine.txt").code == 0
    said = cli("score test.txt --embeddings test.npz --backend plda.npz -o plda.txt")
    assert (said.code, said.err, said.out) == (0, "", "plda.txt: 780 of 780 trials scored\n")
    norm = "--mean train.npz --norm as --cohort train.npz --top-n 20"
    assert cli(f"score test.txt --embeddings test.npz {norm} -o norm.txt").code == 0
    found = {
        name: report(cli, f"{name}.txt --utterances test.npz --det {name}.svg")
        for name in ("cosine", "plda", "norm")
    }
    assert found["plda"]["eer"] < found["norm"]["eer"] < found["cosine"]["eer"]
    assert found["plda"]["files"] == {"det": "plda.svg"}
    assert ET.parse("plda.svg").getroot().tag.endswith("svg")
    low, high = found["plda"]["intervals"]["eer"]
    assert low < found["plda"]["eer"] < high
    assert found["plda"]["num_speakers"] == 10
    lines = cli("eer plda.txt --utterances test.npz").out.splitlines()
    assert lines[0].startswith(f"EER {100 * found['plda']['eer']:.2f} % ({100 * low:.2f} .. ")
    assert lines[-2] == "in brackets, 95 % intervals over 10 speakers"


@pytest.mark.usefixtures("archives")
def test_two_systems_are_compared(cli):
    assert cli("backend train.npz -o plda.npz --kind plda --centre --lda 5").code == 0
    assert cli("score test.txt --embeddings test.npz --backend plda.npz -o plda.txt").code == 0
    assert cli("score test.txt --embeddings test.npz -o cosine.txt").code == 0
    lines = Path("cosine.txt").read_text().splitlines()
    Path("cosine.txt").write_text("\n".join(reversed(lines)))  # in another order
    found = report(cli, "plda.txt --utterances test.npz --against cosine.txt --det two.svg")
    assert found["against"] == "cosine.txt"
    alone = report(cli, "cosine.txt")
    assert found["differences"]["eer"]["other"] == alone["eer"]
    assert found["differences"]["eer"]["interval"][1] < 0
    assert found["differences"]["eer"]["p"] < 0.05
    assert len(ET.parse("two.svg").getroot().findall(".//{*}polyline")) == 2
    shown = cli("eer plda.txt --utterances test.npz --against cosine.txt").out.splitlines()
    place = next(n for n, line in enumerate(shown) if line.startswith("against cosine.txt: "))
    assert shown[place + 1].split()[:3] == ["this", "other", "difference"]
    name, unit, *numbers = shown[place + 2].split()
    assert (name, unit, numbers[4]) == ("EER", "(%)", "..")
    assert float(numbers[0]) == pytest.approx(100 * found["eer"], abs=0.01)
    assert len(shown) == place + 2 + 8
    blind = cli("eer plda.txt --against cosine.txt").out
    assert "\nno intervals over speakers: " in blind
    assert blind.splitlines()[-1].split()[0] == "Cllr"


@pytest.mark.usefixtures("archives")
def test_systems_on_other_trials_are_not_compared(cli):
    lines = ["a b 0.5 target", "a c 0.25 nontarget", "b c 0.125 nontarget"]
    for name, text in {
        "own": lines,
        "less": lines[:2],
        "more": [*lines, "c c 1 target"],
        "turned": [lines[0], "c a 0.25 nontarget", lines[2]],
        "false": [*lines[:2], "b c 0.125 target"],
        "some": [lines[0].removesuffix(" target"), *lines[1:], "c c 1 target"],
    }.items():
        Path(f"{name}.txt").write_text("\n".join(text))
    Path("list.txt").write_text("1 a b\n0 a c\n")
    for name, error in {
        "less": "less.txt: b c: has no score (1 of 3 trials are such)",
        "more": "more.txt: c c: scored here alone (1 of 4 trials are such)",
        "turned": "turned.txt: a c: has no score (1 of 3",
        "false": "false.txt: b c: of kind 'target' in it, and of kind 'nontarget' in the other",
        "gone": "gone.txt: cannot be read",
    }.items():
        said = cli(f"eer own.txt --against {name}.txt")
        assert (said.code, said.out) == (2, ""), name
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
    for name in ("less", "more", "some"):  # a list of trials says which count
        assert report(cli, f"own.txt list.txt --against {name}.txt")["num_trials"] == 2
    Path("less.svg").hardlink_to("less.txt")
    said = cli("eer own.txt --against less.txt --det less.svg")
    assert said.err.startswith("error: less.svg: is an input, less.txt.")


@pytest.mark.usefixtures("archives")
def test_scoring_what_was_heard_needs_no_torch(cli):
    code = "import sys; from wesep_like.cli.app import run; run(sys.argv[1:]); print(*sys.modules)"
    line = "score test.txt --embeddings test.npz --mean train.npz -o s.txt"
    done = subprocess.run(
        [sys.executable, "-c", code, *line.split()],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert Path("s.txt").is_file()
    assert "torch" not in done.stdout.split()


@pytest.mark.usefixtures("archives")
def test_scores_are_calibrated_on_other_trials(cli):
    how = "--norm as --cohort train.npz --top-n 20"
    assert cli(f"score dev.txt --embeddings dev.npz {how} --quality -o dev_scores.txt").code == 0
    plain = "lower_log_seconds higher_log_seconds lower_embedding_norm higher_embedding_norm "
    first = Path("dev_scores.txt").read_text().split("\n")[0].split()
    names = [column.split("=")[0] for column in first[4:]]
    assert names == [*plain.split(), "lower_cohort_mean", "higher_cohort_mean"]
    said = cli("calibrate dev_scores.txt dev.txt -o affine.json")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("affine.json: Cllr ")
    assert cli("calibrate dev_scores.txt -o quality.json --quality").code == 0
    assert list(json.loads(Path("quality.json").read_text())["weights"]) == ["score", *names]
    found = {"plain": None, "affine": None, "quality": None}
    for name in found:
        more = "" if name == "plain" else f"--calibration {name}.json"
        assert cli(f"score test.txt --embeddings test.npz {how} {more} -o {name}.txt").code == 0
        found[name] = report(cli, f"{name}.txt")
    assert found["affine"]["eer"] == found["plain"]["eer"]  # the order is the same
    for name in ("affine", "quality"):
        assert found[name]["cllr"] < found["plain"]["cllr"]
        assert found[name]["cllr"] < found[name]["min_cllr"] + 0.1
    assert len(Path("quality.txt").read_text().split("\n")[0].split()) == 4


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("archives")
def test_scores_that_exist_are_calibrated_as_new_ones_are(cli):
    how = "--norm as --cohort train.npz --top-n 20"
    assert cli(f"score dev.txt --embeddings dev.npz {how} --quality -o dev_scores.txt").code == 0
    assert cli("calibrate dev_scores.txt -o c.json --quality").code == 0
    test = "score test.txt --embeddings test.npz"
    assert cli(f"{test} {how} --quality -o scores.txt").code == 0
    said = cli(f"{test} {how} --quality --calibration c.json -o direct.txt")
    assert (said.code, said.err) == (0, "")
    said = cli("calibrate scores.txt --apply c.json -o ratios.txt")
    assert (said.code, said.err, said.out) == (0, "", "ratios.txt: 780 trials calibrated\n")
    direct, ratios = (
        [line.split() for line in Path(f"{name}.txt").read_text().splitlines()]
        for name in ("direct", "ratios")
    )
    for one, other in zip(direct, ratios, strict=True):
        assert one[:2] + one[3:] == other[:2] + other[3:]  # names, labels and measures
        assert float(one[2]) == pytest.approx(float(other[2]), abs=1e-3)
    assert read_origin("direct.txt") == read_origin("ratios.txt")

    other_way = "warning: c.json: was learnt from scores made another way than "
    said = cli("calibrate ratios.txt --apply c.json -o again.txt")
    assert said.err.startswith(f"{other_way}ratios.txt: calibration is ")
    said = cli(f"{test} --norm s --cohort train.npz --quality --calibration c.json -o s.txt")
    assert said.code == 0
    assert said.err.startswith(
        f"{other_way}s.txt: norm is s here and was as there; top_n is none here and was 20 there. "
    )
    assert said.err.count("\n") == 1
    Path("scores.txt").write_text(Path("scores.txt").read_text().replace("0.0", "0.1", 1))
    assert cli("calibrate scores.txt --apply c.json -o again.txt").err == ""  # it is not known
    for more, name in {
        "test.txt": "TRIALS",
        "--quality": "--quality",
        "--p-target 0.1": "--p-t",
    }.items():
        said = cli(f"calibrate scores.txt {more} --apply c.json -o again.txt")
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: {name}")
    said = cli("calibrate scores.txt --apply c.json -o c.json")
    assert said.err.startswith("error: c.json: is an input")
    assert cli(f"{test} -o plain.txt").code == 0
    said = cli("calibrate plain.txt --apply c.json -o again.txt")
    assert (said.code, said.out) == (2, "")
    assert "test-0 test-1: has no lower_log_seconds, " in said.err


@pytest.mark.usefixtures("archives")
def test_adaptation_by_command(cli):
    for more in ("--like test.npz", "--adapt dev.npz --weight 0.3", "--wccn --centre"):
        assert cli(f"backend train.npz -o b.npz --kind plda {more}").code == 0
        assert cli("score test.txt --embeddings test.npz --backend b.npz -o s.txt").code == 0
    assert json.loads(str(np.load("b.npz")["about"]))["learnt_from"]["wccn"] is True


@pytest.mark.usefixtures("archives")
def test_a_zero_embedding_costs_its_trials_only(cli):
    test = read_embeddings("test.npz")
    test.vectors[3] = 0
    write_embeddings("zero.npz", test)
    said = cli("score test.txt --embeddings zero.npz -o s.txt")
    assert said.code == 1
    assert said.err == (
        "error: test-3: its embedding in zero.npz is zero, which says nothing of a voice\n"
    )
    assert said.out == "s.txt: 741 of 780 trials scored\n"
    said = cli("backend zero.npz -o b.npz --kind plda")
    assert said.code == 0
    assert said.err.startswith("warning: 3.wav: its embedding is zero")
    assert said.out == "b.npz: plda, of 39 embeddings of 10 speakers\n"


@pytest.mark.usefixtures("archives")
def test_names_as_voxcelebs_say_who_speaks(cli):
    lines = [
        f"id1000{a}/x/0000{n}.wav id1000{b}/y/0000{n}.wav {n + (a == b)} "
        f"{'target' if a == b else 'nontarget'}"
        for a, b, n in itertools.product(range(4), range(4), range(3))
    ]
    Path("s.txt").write_text("\n".join(lines))
    assert report(cli, "s.txt")["num_speakers"] == 4
    few = [line for line in lines if "id10002" not in line and "id10003" not in line]
    Path("few.txt").write_text("\n".join(few))
    assert "no intervals over speakers: there are less than three\n" in cli("eer few.txt").out


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("archives")
def test_trials_that_are_there_again_are_told(cli):
    lines = Path("test.txt").read_text().split("\n")
    Path("again.txt").write_text("\n".join([*lines, lines[0]]))
    said = cli("score again.txt --embeddings test.npz -o s.txt")
    assert (said.code, said.out) == (0, "s.txt: 780 of 780 trials scored\n")
    assert said.err == (
        "warning: again.txt: line 781 has the trial of line 1 again; counted once (1 lines are "
        "such)\n"
    )
    assert "780 trials" in cli("eer s.txt again.txt").out
    label, *names = lines[0].split()
    Path("false.txt").write_text("\n".join([*lines, f"{1 - int(label)} {' '.join(names)}"]))
    said = cli("score false.txt --embeddings test.npz -o s.txt")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: false.txt:781: line 1 says of these two that they are of ki")


@pytest.mark.usefixtures("archives")
def test_what_does_not_go_together(cli, make_embeddings):
    write_embeddings("wide.npz", make_embeddings(np.eye(7), speakers=list("abcdefg")))
    write_embeddings("other.npz", make_embeddings(np.eye(6), speakers=list("abcdef"), model="n v"))
    write_embeddings("nobody.npz", make_embeddings(np.eye(6)))
    assert cli("backend train.npz -o b.npz --kind cosine --centre").code == 0
    assert cli("score test.txt --embeddings test.npz -o plain.txt").code == 0
    Path("one.txt").write_text("1 test-0 test-1\n1 test-1 test-2\n")
    Path("one_scores.txt").write_text("test-0 test-1 0.5\ntest-1 test-2 0.5\n")
    Path("nan.txt").write_text("a b nan target\n")
    Path("gone.txt").write_text("1 test-0 elsewhere\n")
    score = "score test.txt --embeddings test.npz -o s.txt"
    for line, error in {
        f"{score} --backend b.npz --mean train.npz": "--mean: a backend has a mean of its own",
        f"{score} --norm s": "--norm: expected --cohort",
        f"{score} --cohort train.npz": "--cohort: expected --norm",
        f"{score} --norm z --cohort train.npz --top-n 3": "--top-n: is that of --norm as",
        f"{score} --model model": "--model: hears recordings, and --embeddings have been heard",
        f"{score} --norm as --cohort train.npz": "train.npz: cohort: 30 embeddings, but the high",
        f"{score} --norm s --cohort nobody.npz": "nobody.npz: not said who speaks in 0.wav (6 of 6",
        f"{score} --norm s --cohort wide.npz": "wide.npz: embeddings of 7 numbers, but those of",
        f"{score} --mean other.npz": "other.npz: made by another encoder (n) than test.npz (m)",
        f"{score} --backend train.npz": "train.npz: no backend can be read from it",
        f"{score} --calibration plain.txt": "plain.txt: no calibration can be read from it",
        "score gone.txt --embeddings test.npz -o s.txt": "elsewhere: test.npz has nothing with",
        "score test.txt --embeddings wide.npz --backend b.npz -o s.txt": "test-0: wide.npz has no",
        "score test.txt --embeddings test.npz -o test.npz": "test.npz: is an input",
        "eer one_scores.txt one.txt": "one.txt: target trials only. Expected both kinds",
        "eer nan.txt": "nan.txt:1: expected a finite number as score, got 'a b nan target'",
        "eer plain.txt --det det.png": "det.png: no format to draw has the suffix '.png'",
        "eer plain.txt --utterances train.npz": "test-0: train.npz has nothing with that",
        "backend train.npz -o b.npz --kind cosine": "kind: cosine learns nothing",
        "backend train.npz -o b.txt --kind plda": "b.txt: no format to write has the suffix '",
        "backend train.npz -o b.npz --kind plda --weight 0.5": "--weight: is that of --adapt",
        "backend train.npz -o b.npz --kind plda --like wide.npz": "wide.npz: embeddings of 7",
        "backend nobody.npz -o b.npz --kind plda": "nobody.npz: not said who speaks",
        "backend train.npz -o train.npz --kind plda": "train.npz: is an input",
        "calibrate plain.txt -o c.json --quality": "plain.txt: says nothing of the recordings",
        "calibrate plain.txt -o c.json --p-target 2": "p_target: 2.0. A probability lies between",
        "calibrate one_scores.txt one.txt -o c.json": "one.txt: target trials only",
    }.items():
        said = cli(line)
        assert (said.code, said.out) == (2, ""), line
        first, *more = said.err.splitlines()
        assert first.startswith(f"error: {error}"), line
        assert all("has nothing with" in text or "more such names" in text for text in more), line
    assert not Path("s.txt").exists()


def test_the_whole_way_on_real_voices(cli, place, shared, tiny_model):
    """Prepared, embedded, learnt, scored, calibrated, measured: each command takes the last's."""
    corpus = place / "corpus"
    for speaker in sorted((shared / "corpus" / "LibriSpeech" / "test-other").iterdir())[:4]:
        files = sorted(speaker.rglob("*.flac"))[:4]
        for file in files:
            (corpus / speaker.name).mkdir(parents=True, exist_ok=True)
            (corpus / speaker.name / file.name).symlink_to(file)
    assert cli(f"prepare folder {corpus} -o data").code == 0
    manifest = Path("data/utterances.jsonl")
    ids = [json.loads(line)["id"] for line in manifest.read_text().splitlines()]
    assert len(ids) == 16
    lines = [
        f"{a} {b} {'target' if a.split('/')[0] == b.split('/')[0] else 'nontarget'}"
        for a, b in itertools.combinations(ids, 2)
    ]
    Path("trials.txt").write_text("\n".join(lines))
    hear = "--model model --max-seconds 2"
    assert cli(f"embed --utterances {manifest} -o all.npz {hear}").code == 0
    assert cli("backend all.npz -o plda.npz --kind plda --centre").code == 0
    how = "--embeddings all.npz --backend plda.npz --norm s --cohort all.npz"
    assert cli(f"score trials.txt {how} --quality -o scores.txt").code == 0
    assert cli("calibrate scores.txt -o calibration.json --quality").code == 0
    said = cli(f"score trials.txt {how} --calibration calibration.json -o ratios.txt")
    assert (said.code, said.out) == (0, "ratios.txt: 120 of 120 trials scored\n")
    found = report(cli, f"ratios.txt --utterances {manifest} --det det.svg")
    assert (found["num_trials"], found["num_target"], found["num_speakers"]) == (120, 24, 4)
    assert found["cllr"] < 1
    assert found["cllr"] == pytest.approx(found["min_cllr"], abs=0.2)
