import os

import pytest

from wesep_like.data.processes import in_processes


def test_without_processes_items_are_taken_one_by_one():
    taken = []
    results = in_processes(str, (taken.append(item) or item for item in range(3)), 0)
    assert next(results) == "0"
    assert taken == [0]
    assert list(results) == ["1", "2"]


@pytest.mark.slow  # processes start
def test_libraries_in_a_process_have_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    assert list(in_processes(os.getenv, names, 2)) == ["1", "1"]
    assert [os.getenv(name) for name in names] == ["7", None]  # this one's are as they were
