"""Modules whose every line needs PyTorch have no examples to run where it is not installed."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["svbench/systems/zoo/*.py"]
