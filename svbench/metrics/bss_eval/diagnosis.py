"""When BSS Eval itself is not meaningful: say so instead of printing a number alone."""

from __future__ import annotations

import math

import numpy as np

from svbench.metrics.bss_eval.correlations import Correlations
from svbench.metrics.bss_eval.energies import EVERY, INTERFERENCE, OWN, Forms, frame_energies
from svbench.metrics.signals import Floats

# Frames share the energy of a projection among them; on lossless music, 16 bit or not, they
# sum up to at most 1.01 times that of the track, and the interference to at most 2 times.
_PROJECTION_EXCESS = 1.5
_INTERFERENCE_EXCESS = 4.0


def reliability_notes(forms: Forms, track: Correlations, parts: Floats, overlap: float) -> tuple[str, ...]:
    """Tell on which targets the filters of the track do not describe its frames.

    Where the references have no energy (above the cut-off of a lossy codec that was decoded to
    floating point, say) nothing holds the filters back. On the track that does not matter, but
    the edges of a frame have energy at all frequencies, and the filters amplify it: the
    projections in the frames then hold more energy than the projections of the track, and ISR,
    SIR and SAR measure the edges.

    Parameters
    ----------
    forms : Forms
    track : Correlations
        Of the whole track.
    parts : ndarray, shape (6, n_pairs, n_frames)
        Energies of all frames, NaN where undefined.
    overlap : float
        How often the frames cover the track.
    """
    whole, doubt = frame_energies(forms, track)
    floor = np.finfo(np.float64).eps * (forms.size @ np.diagonal(track.references[0]))
    in_frames = np.nansum(parts, axis=2) / max(overlap, 1)
    excess = {
        row: in_frames[row] / np.maximum(whole[row], floor[row] + np.finfo(np.float64).tiny)
        for row in (OWN, EVERY, INTERFERENCE)
    }
    edges = (np.maximum(excess[OWN], excess[EVERY]) > _PROJECTION_EXCESS) | (
        (excess[INTERFERENCE] > _INTERFERENCE_EXCESS) & ~doubt
    )
    notes = []
    if edges.any():
        targets = ", ".join(str(forms.pairs[int(index)][0]) for index in np.flatnonzero(edges))
        gain_db = 10 * math.log10(max(float(value[edges].max()) for value in excess.values()))
        notes.append(
            f"ISR, SIR and SAR of target {targets} (counted from 0) are dominated by frame edges: "
            "the references are band-limited and the filters raise the edges in empty bands "
            f"(up to {gain_db:.0f} dB more energy in the frames than on the track); SDR is not affected, "
            "and references quantised to 16 bit or dithered avoid it"
        )
    if math.isinf(forms.filters.condition):
        notes.append(
            "the references are linearly dependent to working precision (scaled or delayed copies of a "
            "channel, or empty bands), so ISR, SIR and SAR rest on filters that are not unique"
        )
    return tuple(notes)
