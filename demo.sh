#!/usr/bin/env bash
# Sets up a virtual environment and runs the demo: ./demo.sh [svbench demo arguments]
set -euo pipefail
cd "$(dirname "$0")"
python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "svbench needs Python 3.11 or later; set PYTHON=python3.x" >&2; exit 2; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --editable .
.venv/bin/svbench demo "$@"
