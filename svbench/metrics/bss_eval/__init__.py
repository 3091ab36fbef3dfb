"""BSS Eval: how much of an estimate is target, spatial error, interference and artefacts.

An estimate e of a reference s is written as e = s + e_spat + e_interf + e_artif (Vincent et al. 2006, 2007),
where P_own and P_all are its least-squares projections on its own reference and on all references, each
delayed by 0 to ``filter_length - 1`` samples::

    e_spat   = P_own - s        spatial error: the reference through its own filters, minus the reference
    e_interf = P_all - P_own    interference: what only the other references explain
    e_artif  = e - P_all        artefacts: what no reference explains

The modules follow the data: `correlations` (of references and estimates) -> `filters` (the projections) ->
`energies` (of the parts of an estimate). `engine` runs these steps frame by frame and forms the ratios in dB.
`v4` and `v3` are the metrics themselves.
"""

from svbench.metrics.bss_eval.v3 import bss_eval_images as bss_eval_images
from svbench.metrics.bss_eval.v3 import bss_eval_sources as bss_eval_sources
from svbench.metrics.bss_eval.v4 import bss_eval_v4 as bss_eval_v4
from svbench.metrics.signals import SignalBlocks as SignalBlocks
