"""A third-party package: an adapter that gives each target a share of the mixture, and a metric."""

import numpy as np

from svbench.audio import Audio
from svbench.metrics.contract import Metric, QuantityRecord, whole_track
from svbench.systems.api import SystemInfo


class Halves:
    """Each target asked for gets an equal share of the mixture."""

    def __init__(self, parameters, context):
        self.info = SystemInfo(context.system_id, context.targets, version="0.3.0")

    def separate(self, mixture):
        """Divide the mixture."""
        share = Audio(mixture.samples / len(self.info.targets), mixture.rate_hz)
        return dict.fromkeys(self.info.targets, share)


def peak_error(references, estimates, *, rate_hz):
    """Largest sample error in dB below full scale."""
    with np.errstate(divide="ignore"):
        peak = 20 * np.log10(np.abs(references - estimates).max(axis=(1, 2)))
    return whole_track({"PeakError": peak}, references.shape[1], rate_hz)


METRIC = Metric(
    id="peak-error",
    label="Peak error",
    quantities=(QuantityRecord("PeakError", "dBFS", False, "largest sample error"),),
    scope="target",
    version="1",
    citation="none",
    parameters=(),
    function=peak_error,
)
