"""BSS Eval: how much of an estimate is target, spatial error, interference and artefacts.

The modules follow the data: `correlations` (of references and estimates) -> `filters` (least-squares
projections) -> `energies` (of the parts of an estimate) -> `sdr_isr_sir_sar` (their ratios in dB). `engine`
runs these steps frame by frame; `v4` and `v3` are the metrics themselves.
"""

from svbench.metrics.bss_eval.v3 import bss_eval_images, bss_eval_sources
from svbench.metrics.bss_eval.v4 import bss_eval_v4
from svbench.metrics.signals import SignalBlocks

__all__ = ["SignalBlocks", "bss_eval_images", "bss_eval_sources", "bss_eval_v4"]
