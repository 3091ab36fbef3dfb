#!/usr/bin/env bash
# Sets up a virtual environment and passes the tests: ./test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")"
python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "svbench needs Python 3.11 or later; set PYTHON=python3.x" >&2; exit 2; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --editable '.[test]'
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
# Numeric threads are pinned: two test processes share the cores.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
.venv/bin/python -m pytest -n "${SVBENCH_TEST_PROCESSES:-2}" --dist loadgroup "$@"
