import numpy as np
import pytest

from wesep_like.data.embedding_archive import write_embeddings
from wesep_like.data.manifest import Utterance, write_manifest
from wesep_like.errors import ManifestError, TrialError
from wesep_like.evaluation.trial_names import find_audio, find_rows, find_speakers
from wesep_like.evaluation.trials import Trial

RATE = 16000


def test_names_are_ids_or_paths(tmp_path, write_wav):
    path = write_wav("deep/a.wav", 1, RATE)
    write_manifest(tmp_path / "utterances.jsonl", [Utterance("u", "s", "deep/a.wav", RATE, RATE)])
    trials = [Trial("u", "deep/a.wav"), Trial("u", str(path))]
    assert find_audio(trials, tmp_path) == {"u": path, "deep/a.wav": path, str(path): path}
    elsewhere = find_audio([Trial("u", "a.wav")], path.parent, tmp_path / "utterances.jsonl")
    assert elsewhere == {"u": path, "a.wav": path}
    with pytest.raises(TrialError, match=r"x: no utterance in .* has that id, and .*x\ny: "):
        find_audio([Trial("x", "y")], tmp_path)
    with pytest.raises(TrialError, match=r"^u: there is no file .*deep/u$"):
        find_audio([Trial("u", "a.wav")], path.parent)


def test_embeddings_have_ids_and_paths(tmp_path, monkeypatch, make_embeddings):
    found = make_embeddings(
        np.eye(3), paths=["x/a.wav", "/away/b.wav", "./y/../c.wav"], ids=["a", "b", ""]
    )
    monkeypatch.chdir(tmp_path)
    trials = [Trial("b", "x/a.wav"), Trial("/away/b.wav", "c.wav"), Trial("b", "a")]
    rows = {"b": 1, "x/a.wav": 0, "/away/b.wav": 1, "c.wav": 2, "a": 0}
    assert find_rows(trials, found, ".") == rows
    assert find_rows([Trial("b.wav", "b")], found, "/away") == {"b.wav": 1, "b": 1}
    with pytest.raises(TrialError) as caught:
        find_rows([Trial("b.wav", "a"), Trial("gone", "a")], found, ".")
    assert str(caught.value).split("\n") == [
        "b.wav: embeddings has nothing with that id or path",
        "gone: embeddings has nothing with that id or path",
    ]


def test_speakers_are_known_by_manifest_archive_or_name(tmp_path, make_embeddings):
    trials = [Trial("u", "v"), Trial("v", "w.wav")]
    utterances = [Utterance(n, f"of_{n}", f"{n}.wav", RATE, RATE) for n in "uvw"]
    write_manifest(tmp_path / "utterances.jsonl", utterances)
    speakers = {"u": "of_u", "v": "of_v", "w.wav": "of_w"}
    assert find_speakers(trials, tmp_path / "utterances.jsonl", tmp_path) == speakers
    made = make_embeddings(
        np.eye(3), paths=["u.wav", "v", "w.wav"], ids=["u", "", ""], speakers=["1", "2", "2"]
    )
    write_embeddings(tmp_path / "e.npz", made)
    found = find_speakers(trials, tmp_path / "e.npz", tmp_path)
    assert found == {"u": "1", "v": "2", "w.wav": "2"}
    assert find_speakers(trials, None, tmp_path) is None
    voxceleb = [Trial("id10270/GWXujl-xAVM/00017.wav", "wav/id10271/1gtz-CUIygI/00001.wav")]
    assert set(find_speakers(voxceleb, None, tmp_path).values()) == {"id10270", "id10271"}
    assert find_speakers([*voxceleb, *trials], None, tmp_path) is None
    with pytest.raises(TrialError, match=r"^x: .*utterances\.jsonl has nothing with that id or"):
        find_speakers([Trial("x", "u")], tmp_path / "utterances.jsonl", tmp_path)
    write_embeddings(tmp_path / "e.npz", make_embeddings(np.eye(2), speakers=["1", ""]))
    with pytest.raises(ManifestError, match=r"e\.npz: not said who speaks in 1\.wav \(1 of 2"):
        find_speakers(trials, tmp_path / "e.npz", tmp_path)
