import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from wesep_like.audio.io import write_unscaled
from wesep_like.data.librimix import tree
from wesep_like.data.librimix.layout import Variant
from wesep_like.data.librimix.metadata import write_metadata
from wesep_like.data.librimix.tree import build_tree
from wesep_like.errors import ConfigError, ManifestError, OutputError

ALL = [Variant(rate, mode) for rate in (16000, 8000) for mode in ("min", "max")]


def build(corpus, output, **options):
    options = {"wham": corpus.wham, "sets": ["test"], **options}
    return build_tree(corpus.metadata, corpus.librispeech, output, **options)


def contents(folder):
    """All files, with the folder itself out of the tables."""
    here = str(folder).encode()
    return {
        str(path.relative_to(folder)): path.read_bytes().replace(here, b"")
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def as_published(samples, rate):
    """What soundfile makes of floats."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV")
    return buffer.getvalue()


def test_every_file_is_what_the_metadata_say(corpus, tmp_path):
    built = build(corpus, tmp_path / "out", variants=ALL, sets=None)
    assert not built.problems
    assert [one.num_mixtures for one in built.sets] == [1] * 4 + [3] * 4
    row = corpus.rows["test-clean"][1]  # its noise is long enough to be left as it is
    scaled = {}
    for name, source in zip(("s1", "s2"), row.sources, strict=True):
        samples, _ = soundfile.read(corpus.librispeech / source.path, dtype="float32")
        scaled[name] = samples * np.float32(source.gain)
    samples, _ = soundfile.read(corpus.wham / row.noise.path, dtype="float32")
    scaled["noise"] = samples[: len(scaled["s1"]), 0] * np.float32(row.noise.gain)
    for rate, mode in ((16000, "min"), (16000, "max"), (8000, "min"), (8000, "max")):
        signals = {name: resample_poly(s, rate, 16000) for name, s in scaled.items()}
        lengths = [len(signal) for signal in signals.values()]
        length = min(lengths) if mode == "min" else max(lengths)
        signals = {n: np.pad(s, (0, length))[:length] for n, s in signals.items()}
        signals["mix_clean"] = signals["s1"] + signals["s2"]
        signals["mix_both"] = signals["mix_clean"] + signals["noise"]
        signals["mix_single"] = signals["s1"] + signals["noise"]
        folder = tmp_path / f"out/Libri2Mix/wav{rate // 1000}k/{mode}/test"
        assert sorted(path.name for path in folder.iterdir()) == sorted(signals)
        for name, signal in signals.items():
            path = folder / name / f"{row.mixture_id}.wav"
            assert path.read_bytes() == as_published(signal, rate), path


def test_tables_are_those_of_librimix(corpus, tmp_path):
    build(corpus, tmp_path / "out")
    parent = tmp_path / "out/Libri2Mix/wav16k/min"
    columns = {
        "mix_clean": ["source_1", "source_2"],
        "mix_both": ["source_1", "source_2", "noise"],
        "mix_single": ["source_1", "noise"],
    }
    for kind, heard in columns.items():
        mixtures = rows(parent / f"metadata/mixture_test_{kind}.csv")
        metrics = rows(parent / f"metadata/metrics_test_{kind}.csv")
        paths = [f"{name}_path" for name in heard]
        assert list(mixtures[0]) == ["mixture_ID", "mixture_path", *paths, "length"]
        assert list(metrics[0]) == ["mixture_ID", *(f"{name}_SNR" for name in heard)]
        for row, levels in zip(mixtures, metrics, strict=True):
            mixture, _ = soundfile.read(row["mixture_path"])
            assert len(mixture) == int(row["length"])
            parts = [soundfile.read(row[path])[0] for path in paths]
            assert np.abs(mixture - sum(parts)).max() <= (len(parts) + 1) * 2**-15
            for name, part in zip(heard, parts, strict=True):
                rest = mixture - part
                level = 10 * np.log10((part @ part) / (rest @ rest))
                assert float(levels[f"{name}_SNR"]) == pytest.approx(level, abs=0.01)
    names = [row.mixture_id for row in corpus.rows["test-clean"]]
    assert [row["mixture_ID"] for row in mixtures] == names


def test_twice_or_in_processes_is_the_same(corpus, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    build(corpus, first, variants=ALL)
    before = contents(first)
    stamps = {path: path.stat().st_mtime_ns for path in first.rglob("*.wav")}
    again = build(corpus, first, variants=ALL)
    assert [one.num_new for one in again.sets] == [0] * 4
    assert [one.num_mixtures for one in again.sets] == [3] * 4
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert contents(first) == before
    build(corpus, second, variants=ALL, num_workers=2)
    assert contents(second) == before


def test_a_run_that_was_broken_off_goes_on(corpus, tmp_path, monkeypatch):
    build(corpus, tmp_path / "whole")
    written = []

    def dies(path, samples, rate, **options):
        written.append(path)
        if len(written) == 9:  # six files a mixture
            raise KeyboardInterrupt
        write_unscaled(path, samples, rate, **options)

    with monkeypatch.context() as patched:
        patched.setattr(tree.io, "write_unscaled", dies)
        with pytest.raises(KeyboardInterrupt):
            build(corpus, tmp_path / "broken")
    record = tmp_path / "broken/Libri2Mix/wav16k/min/metadata/made_test.jsonl"
    assert len(record.read_text().splitlines()) == 1
    with record.open("a") as file:
        file.write('{"id": "2-10-')  # a line that never got to the disk
    built = build(corpus, tmp_path / "broken")
    assert built.sets[0].num_new == 2
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_a_file_that_is_gone_or_cut_is_made_again(corpus, tmp_path):
    build(corpus, tmp_path / "out")
    before = contents(tmp_path / "out")
    parent = tmp_path / "out/Libri2Mix/wav16k/min/test"
    names = [row.mixture_id for row in corpus.rows["test-clean"]]
    (parent / f"s2/{names[0]}.wav").unlink()
    cut = parent / f"mix_both/{names[2]}.wav"
    cut.write_bytes(cut.read_bytes()[:-2])
    assert build(corpus, tmp_path / "out").sets[0].num_new == 2
    assert contents(tmp_path / "out") == before


def test_kinds_sets_and_lines_can_be_added(corpus, tmp_path):
    build(corpus, tmp_path / "whole", sets=None)
    path = corpus.metadata / "libri2mix_test-clean.csv"
    whole = path.read_bytes()
    write_metadata(path, corpus.rows["test-clean"][:2])
    out = tmp_path / "out"
    build(corpus, out, wham=None)
    assert not list(out.rglob("noise"))
    path.write_bytes(whole)
    assert build(corpus, out, kinds=["mix_single"]).sets[0].num_new == 3
    assert len(rows(out / "Libri2Mix/wav16k/min/metadata/mixture_test_mix_clean.csv")) == 2
    assert [one.num_new for one in build(corpus, out, sets=None).sets] == [1, 3]
    assert contents(out) == contents(tmp_path / "whole")


def test_other_metadata_are_refused(corpus, tmp_path):
    build(corpus, tmp_path / "out")
    before = contents(tmp_path / "out")
    path = corpus.metadata / "libri2mix_test-clean.csv"
    first, second, third = corpus.rows["test-clean"]
    for changed in ([first, second], [first, second, replace(third, noise=first.noise)]):
        if len(changed) == 3:
            louder = replace(third.sources[0], gain=0.7)
            changed[2] = replace(third, sources=(louder, third.sources[1]))
        write_metadata(path, changed)
        with pytest.raises(
            OutputError, match=f"made from other metadata than {path}, see mixture '2"
        ):
            build(corpus, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_tree_of_someone_else_is_left_alone(corpus, tmp_path):
    theirs = tmp_path / "out/Libri2Mix/wav16k/min/test/s1/a.wav"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with pytest.raises(OutputError, match="min/test: is there, and nothing tells what it was made"):
        build(corpus, tmp_path / "out")


def test_a_missing_file_costs_its_mixtures_only(corpus, tmp_path):
    missing = corpus.librispeech / corpus.rows["test-clean"][1].sources[0].path
    missing.unlink()
    built = build(corpus, tmp_path / "out")
    csv_file = corpus.metadata / "libri2mix_test-clean.csv"
    assert built.problems == [f"{csv_file}:3: {missing}: there is no such file"]
    assert built.sets[0].num_mixtures == 2
    parent = tmp_path / "out/Libri2Mix/wav16k/min"
    for kind in ("mix_clean", "mix_both", "mix_single"):
        table = rows(parent / f"metadata/mixture_test_{kind}.csv")
        names = [row.mixture_id for row in corpus.rows["test-clean"]]
        assert [row["mixture_ID"] for row in table] == [names[0], names[2]]
        assert len(list((parent / "test" / kind).iterdir())) == 2


def test_three_voices(corpus, tmp_path):
    two = corpus.rows["test-clean"]
    sources = (*two[0].sources, two[1].sources[0])
    row = replace(two[0], mixture_id="a_b_c", sources=sources)
    write_metadata(corpus.metadata / "libri3mix_test-clean.csv", [row])
    build(corpus, tmp_path / "out")
    parent = tmp_path / "out/Libri3Mix/wav16k/min"
    parts = [soundfile.read(parent / f"test/s{n}/a_b_c.wav")[0] for n in (1, 2, 3)]
    mixture, _ = soundfile.read(parent / "test/mix_clean/a_b_c.wav")
    assert np.abs(mixture - sum(parts)).max() <= 3 * 2**-15
    (levels,) = rows(parent / "metadata/metrics_test_mix_clean.csv")
    assert list(levels) == ["mixture_ID", "source_1_SNR", "source_2_SNR", "source_3_SNR"]
    assert (tmp_path / "out/Libri2Mix/wav16k/min/test/s1").is_dir()


def test_the_record_says_what_is_there(corpus, tmp_path):
    build(corpus, tmp_path / "out", kinds=["mix_clean"])
    record = tmp_path / "out/Libri2Mix/wav16k/min/metadata/made_test.jsonl"
    first = json.loads(record.read_text().splitlines()[0])
    assert first["id"] == corpus.rows["test-clean"][0].mixture_id
    assert list(first["levels"]) == ["mix_clean"]


def test_what_cannot_be_asked_for(corpus, tmp_path):
    with pytest.raises(ConfigError, match="mixtures: mix_both wants noise. Name WHAM!'s folder"):
        build(corpus, tmp_path, wham=None, kinds=["mix_both"])
    with pytest.raises(ConfigError, match=r"mixtures: no kind is called 'mix_bot' \(did you mean"):
        build(corpus, tmp_path, kinds=["mix_bot"])
    with pytest.raises(ConfigError, match="sample_rate: expected 16000 or 8000, got 44100"):
        Variant(44100, "min")
    with pytest.raises(ConfigError, match="mode: expected min or max, got 'mean'"):
        Variant(8000, "mean")
    with pytest.raises(ManifestError, match="nowhere: there is no such folder. Give the root of"):
        build(corpus, tmp_path, wham=tmp_path / "nowhere")
    silent = [replace(row, noise=None) for row in corpus.rows["test-clean"]]
    path = corpus.metadata / "libri2mix_test-clean.csv"
    write_metadata(path, silent)
    with pytest.raises(ManifestError, match=f"{path}:1: has no columns noise_path and noise_gain"):
        build(corpus, tmp_path)
    assert build(corpus, tmp_path / "out", wham=None).sets[0].num_mixtures == 3
