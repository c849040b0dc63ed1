import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wesep_like.data.processes import in_processes

SCRIPT = """
import os, time
from wesep_like.data.processes import in_processes

def work(number):
    time.sleep(0.05)
    return os.getpid()

if __name__ == "__main__":
    for process in in_processes(work, range(10_000), 2):
        print(process, flush=True)
"""


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


@pytest.mark.slow
def test_processes_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    workers = {int(parent.stdout.readline()) for _ in range(8)}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while any(is_running(process) for process in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_ctrl_c_is_told_by_the_parent_alone(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does
        _, told = parent.communicate()
    assert told.count("Traceback") == 1
    assert told.endswith("KeyboardInterrupt\n")


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
