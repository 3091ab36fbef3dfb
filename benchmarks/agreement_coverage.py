"""Coverage of the intervals of correlations: the table of docs/listening-agreement.md.

Run it as ``python benchmarks/agreement_coverage.py``; half of all variance is due to the track.
"""

from __future__ import annotations

import numpy as np

from svbench.agreement.coefficients import Array, kendall, pearson, spearman
from svbench.statistics.resampling import draw_counts, expanded_percentile

REPEATS, RESAMPLES, SYSTEMS = 400, 1000, 5


def field(rng: np.random.Generator, n_tracks: int) -> Array:
    """Draw a value for each track and system; values of one track are correlated."""
    grid = rng.standard_normal((n_tracks, 1)) + rng.standard_normal((n_tracks, SYSTEMS))
    return np.asarray(grid.ravel() / np.sqrt(2))


def main() -> None:
    """Print, in percent, how often both kinds of intervals contain the true correlation."""
    for n_tracks in (5, 8, 20):
        counts = draw_counts(n_tracks, RESAMPLES, 42)[:, np.repeat(np.arange(n_tracks), SYSTEMS)]
        for rho in (0.0, 0.5, 0.85):
            truths = {
                pearson: rho,
                spearman: 6 / np.pi * np.arcsin(rho / 2),
                kendall: 2 / np.pi * np.arcsin(rho),
            }
            for correlation, truth in truths.items():
                rng, hits = np.random.default_rng(1), np.zeros(2)
                for _ in range(REPEATS):
                    x, e = field(rng, n_tracks), field(rng, n_tracks)
                    drawn = correlation(x, rho * x + np.sqrt(1 - rho**2) * e, counts)
                    used = expanded_percentile(drawn, n_tracks, 0.05)
                    low, high = np.quantile(drawn, [0.025, 0.975])
                    inside = used.low is not None and used.high is not None and used.low <= truth <= used.high
                    hits += [inside, low <= truth <= high]
                shares = ", ".join(f"{s:.1f}" for s in 100 * hits / REPEATS)
                print(f"{n_tracks} tracks, rho {rho:g}, {correlation.__name__}: used, percentile: {shares}")


if __name__ == "__main__":
    main()
