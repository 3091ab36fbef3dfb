"""BSS Eval: how much of an estimate is target, spatial error, interference and artefacts."""

from svbench.metrics.bss_eval.v3 import bss_eval_images, bss_eval_sources
from svbench.metrics.bss_eval.v4 import bss_eval_v4
from svbench.metrics.signals import SignalBlocks

__all__ = ["SignalBlocks", "bss_eval_images", "bss_eval_sources", "bss_eval_v4"]
