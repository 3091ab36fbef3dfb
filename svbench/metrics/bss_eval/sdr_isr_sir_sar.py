"""SDR, ISR, SIR and SAR: the ratios of BSS Eval in decibels, from the energies of an estimate's parts.

An estimate is written as e = s + e_spat + e_interf + e_artif (Vincent et al. 2006 and 2007)::

    e_spat   = P_own - s        spatial error: the reference s through its own filters, minus s
    e_interf = P_all - P_own    interference: what only the other references explain
    e_artif  = e - P_all        artefacts: what no reference explains

`svbench.metrics.bss_eval.energies` computes the energies of these parts.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from svbench.metrics.bss_eval.energies import ARTEFACTS, EVERY, INTERFERENCE, OWN, REST, SPATIAL
from svbench.metrics.bss_eval.engine import ScoredFrames
from svbench.metrics.signals import Floats


def image_ratios(scored: ScoredFrames) -> dict[str, Floats]:
    """Return SDR, ISR, SIR and SAR of spatial images, shape (n_pairs, n_frames) each."""
    ratio = partial(decibels, defined=scored.defined)
    parts = scored.parts
    return {
        "SDR": ratio(scored.reference, scored.difference),
        "ISR": ratio(scored.reference, parts[SPATIAL]),
        "SIR": ratio(parts[OWN], parts[INTERFERENCE]),
        "SAR": ratio(parts[EVERY], parts[ARTEFACTS]),
    }


def source_ratios(scored: ScoredFrames) -> dict[str, Floats]:
    """Return SDR, SIR and SAR of sources, shape (n_pairs, n_frames) each.

    The target part is the reference through any filter, so a filtered reference counts as no error.
    """
    parts = scored.parts
    return {
        "SDR": decibels(parts[OWN], parts[REST], scored.defined),
        "SIR": decibels(parts[OWN], parts[INTERFERENCE], scored.defined),
        "SAR": decibels(parts[EVERY], parts[ARTEFACTS], scored.defined),
    }


def decibels(wanted: Floats, unwanted: Floats, defined: NDArray[np.bool_]) -> Floats:
    """Return ten times the logarithm of a ratio of energies: +inf over zero, NaN where not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(unwanted == 0, np.inf, wanted / unwanted)
        return np.where(defined, 10 * np.log10(ratio), np.nan)
