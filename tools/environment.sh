# Sourced by the scripts beside it. `make_environment` makes the virtual environment and installs the
# project into it, editable, with the versions of constraints.txt; where nothing has changed since, it
# does nothing. `use_environment` puts it first on PATH.
#
# WESEP_LIKE_VENV         where the environment is; else .venv in the repository
# PYTHON                  the Python to make it with; else the first on PATH that is new enough
# WESEP_LIKE_TORCH_INDEX  where CPU builds of torch are, if pip as it is set up finds none; else PyTorch's index

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="${WESEP_LIKE_VENV:-$root/.venv}"
case "$venv" in /*) ;; *) venv="$PWD/$venv" ;; esac

say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python python3.13 python3.12 python3.11 python3.10}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "${PYTHON:-PATH}: no Python 3.10 or newer. Install one, or name it: PYTHON=/path/to/python3"
}

make_venv() {
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ] && [ -n "$(ls -A "$venv")" ]; then
        fail "$venv: not empty and not a virtual environment. Set WESEP_LIKE_VENV to another path"
    fi
    local python
    python="$(find_python)"
    say "making a virtual environment in $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" ||
        fail "$venv: the virtual environment cannot be made. Debian and Ubuntu: apt-get install python3-venv"
}

# Quiet, because the log of some seventy packages hides what matters; kept, because a failure needs it.
pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
        --constraint "$root/constraints.txt" "$@" >>"$venv/install.log" 2>&1
}

must_install() {
    if pip_install "$@"; then return; fi
    tail -n 20 "$venv/install.log" >&2
    fail "pip install $*: failed, see above and $venv/install.log. Run this again when it is put right"
}

# torch first: what the others ask of it would else bring the newest build, with gigabytes of CUDA.
install_torch() {
    local version index="${WESEP_LIKE_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}"
    version="$(sed -n 's/^torch==//p' "$root/constraints.txt")"
    if nvidia-smi -L >/dev/null 2>&1; then
        say "a GPU is here: installing torch $version"
    elif [ "$(uname -s)" != Linux ]; then
        say "installing torch $version" # the ordinary build is for the CPU here
    else
        say "no GPU is here: installing the CPU build of torch $version"
        # A mirror or a folder of wheels that pip is set up to use comes first.
        if pip_install "torch==$version+cpu"; then return; fi
        if pip_install --retries 1 --extra-index-url "$index" "torch==$version+cpu"; then return; fi
        say "$index: no CPU build is to be had, so this is the ordinary one, with several GB of CUDA." \
            "To avoid it: stop, and name another index by WESEP_LIKE_TORCH_INDEX"
    fi
    must_install "torch==$version"
}

install_project() {
    say "installing wesep-like and what it needs"
    # pesq is the only dependency that must be compiled, and only the PESQ score needs it.
    if pip_install pesq; then
        must_install --editable "$root[report,test]"
    else
        say "pesq cannot be compiled: no PESQ scores. For them: install a C compiler and Python's headers," \
            "remove $venv, and run this again"
        grep -v '^pesq==' "$root/constraints.txt" >"$venv/without-pesq.txt"
        must_install --requirement "$venv/without-pesq.txt"
        must_install --no-deps --editable "$root"
    fi
}

make_environment() {
    local wanted
    wanted="$(cd "$root" && { pwd && cat pyproject.toml constraints.txt tools/environment.sh; } | cksum)"
    if [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ]; then
        make_venv
        say "installing takes a few minutes; the log is $venv/install.log"
        : >"$venv/install.log"
        install_torch
        install_project
        printf '%s\n' "$wanted" >"$venv/installed"
    fi
    say "environment ready: $venv"
    use_environment
}

use_environment() { export PATH="$venv/bin:$PATH"; }
