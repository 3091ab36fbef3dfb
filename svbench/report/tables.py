"""Paper tables: systems in rows, targets × quantities in columns, as text in five formats."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from svbench.errors import DataError
from svbench.printing.markup import Format, latex_text
from svbench.report.boards import boards, combinations, comparable, ranked_metrics
from svbench.report.budgets import HEAD, runnable
from svbench.report.guard import LEAK, beside, footnotes, leaks, overlap_of
from svbench.report.numbers import decibels, dropped, reducers
from svbench.report.variant_tables import variant_text
from svbench.report.variants import probed_groups
from svbench.results.aggregate import Summary
from svbench.results.statistics.headline import Estimate, run_intervals
from svbench.results.statistics.material import Column, Settings
from svbench.results.store import Run

SETTINGS = Settings()  # those of `svbench compare`, so that a number has one interval everywhere


def paper_table(
    runs: Sequence[Run],
    *,
    format: Format = "markdown",
    target_set: str | None = None,
    metrics: Sequence[str] | None = None,
) -> str:
    """Make a table of runs of one protocol on one data set.

    Parameters
    ----------
    runs : sequence of Run
    format : {"markdown", "csv", "latex", "html", "json"}
    target_set : str, optional
        Only this one.
    metrics : sequence of str, optional
        Only these quantities, e.g. ``["SDR"]``.

    Returns
    -------
    str
        One table per target set, or per quantity where a probe made variants; a footnote names
        protocol, digest, reducers and track counts.
        CSV and JSON hold unrounded scores and their 95 % intervals over tracks, the others two decimals.

    Raises
    ------
    DataError
        No runs, runs that must not be compared, or an unknown target set or quantity.
    """
    probed = probed_groups(runs)
    if len(probed) == 1 and len(probed[0]) == len(runs):
        return variant_text(probed[0], format, target_set, metrics)
    groups = comparable(runs)
    if len(groups) != 1:
        names = combinations(groups)
        raise DataError(
            f"these runs hold {len(groups)} combinations of protocol and data ({'; '.join(names)}); "
            "a table takes one: choose with --protocol, or name the runs of one"
        )
    group = groups[0]
    known_sets = [b.target_set for b in boards(group)]
    known_metrics = ranked_metrics(group[0])
    for name, known, what in (
        *((m, known_metrics, "quantity") for m in metrics or ()),
        *([(target_set, known_sets, "target set")] if target_set else []),
    ):
        if name not in known:
            raise DataError(f"no {what} {name!r} in these runs; there are {', '.join(known)}")
    chosen = [s for s in known_sets if target_set in (None, s)]
    tables = [_Table(group, s, metrics or known_metrics) for s in chosen]
    if format == "json":
        return json.dumps([t.plain() for t in tables], indent=2, ensure_ascii=False, allow_nan=False)
    if format == "csv":
        return _csv(tables)
    write = {"markdown": _markdown, "latex": _latex, "html": _html}[format]
    return "\n\n".join(write(t) for t in tables)


class _Table:
    """Header, rows of texts and footnote of one target set."""

    def __init__(self, group: Sequence[Run], target_set: str, metrics: Sequence[str]) -> None:
        by_metric = {m: next(b for b in boards(group, m) if b.target_set == target_set) for m in metrics}
        headline = by_metric[metrics[0]]
        self.target_set, self.metrics, self.targets = target_set, list(metrics), headline.columns
        self.runs = [row.run for row in headline.rows]
        self.cells: list[dict[tuple[str, str], Summary]] = [
            {
                (t, m): next(r for r in by_metric[m].rows if r.run is run).cells[t]
                for t in self.targets
                for m in metrics
            }
            for run in self.runs
        ]
        self.clean: list[dict[tuple[str, str], Summary]] = [
            {
                (t, m): clean
                for m in metrics
                for t, clean in next(r for r in by_metric[m].rows if r.run is run).clean.items()
            }
            for run in self.runs
        ]
        self.leaks = [leaks(run) for run in self.runs]
        self.best = {(t, m): by_metric[m].best.get(t) for t in self.targets for m in metrics}
        record = group[0].record
        counts = "; ".join(
            f"{t}: {n}" for t in self.targets if (n := self._counts(t)) != str(len(record.data.tracks))
        )
        self.note = (
            f"Protocol {record.protocol.id} version {record.protocol.version} "
            f"(digest {record.protocol_digest[:8]}), {self._reducers()}, "
            f"{record.data.id} {record.data.version}, n = {len(record.data.tracks)} tracks"
            + (f" ({counts})" if counts else "")
            + f", target set {target_set}. {self._dropped()}. "
            + " ".join(["Oracles see the references and are not ranked.", *footnotes(self.runs)])
        )

    def _reducers(self) -> str:
        """Both axes, once if all quantities share them."""
        labels = {m: self.cells[0][self.targets[0], m].label for m in self.metrics}
        if len(set(labels.values())) == 1:
            return reducers(labels[self.metrics[0]])
        return "; ".join(f"{m}: {reducers(label)}" for m, label in labels.items())

    def _dropped(self) -> str:
        """Frames without a value of the first quantity, by system where they differ."""
        singles = [t for t in self.targets if t != "mean"]
        counted = [dropped(cells[t, self.metrics[0]] for t in singles) for cells in self.cells]
        what = "Frames dropped" + (f" ({self.metrics[0]})" if len(self.metrics) > 1 else "")
        if len(set(counted)) == 1:
            return "{}: {} of {}".format(what, *counted[0])
        return f"{what}: " + ", ".join(
            f"{run.record.system.id} {n} of {total}"
            for run, (n, total) in zip(self.runs, counted, strict=True)
        )

    def _counts(self, target: str) -> str:
        counts = sorted({c[target, m].n_tracks for c in self.cells for m in self.metrics})
        return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"

    def intervals(self) -> list[dict[tuple[str, str], Estimate]]:
        """Give each run's numbers their intervals over tracks."""
        wanted = [Column(self.target_set, t, m) for t, m in _columns(self)]
        return [
            {(c.target, c.metric): e for c, e in run_intervals(run, wanted, SETTINGS).items()}
            for run in self.runs
        ]

    def name(self, run: Run) -> str:
        marks = ", ".join(run.record.marks)
        return run.record.system.id + (f" ({marks})" if marks else "")

    def text(self, i: int, target: str, metric: str) -> str:
        summary = self.cells[i][target, metric]
        return beside(decibels(summary.score, summary.status), self.clean[i].get((target, metric)))

    def is_best(self, i: int, target: str, metric: str) -> bool:
        score = self.cells[i][target, metric].score
        return score is not None and score == self.best[target, metric]

    @property
    def header(self) -> list[str]:
        return ["system", *(f"{t} {m}" for t in self.targets for m in self.metrics), *self.limited]

    @property
    def limited(self) -> list[str]:
        """Head of the column that only protocols with a budget have."""
        return [HEAD] if self.runs[0].record.protocol.limits else []

    def verdict(self, i: int) -> list[str]:
        """Cell of that column."""
        told = runnable(self.runs[i])
        return [told] if told else []

    def plain(self) -> dict[str, object]:
        """Unrounded content for JSON."""
        intervals = self.intervals()
        return {
            "target_set": self.target_set,
            "note": self.note,
            "intervals": {**asdict(SETTINGS), "level": 1 - SETTINGS.alpha, "over": "tracks"},
            "rows": [
                {
                    "system": run.record.system.id,
                    "kind": run.record.system.kind,
                    "imported": run.record.imported,
                    **({"runnable": verdict} if (verdict := runnable(run)) else {}),
                    "leaked_tracks": overlap_of(run).tracks,
                    "unchecked_training_data": overlap_of(run).unchecked,
                    "scores": [
                        {
                            "target": t,
                            "metric": m,
                            "score": s.score,
                            "low": intervals[i][t, m].low,
                            "high": intervals[i][t, m].high,
                            "no_interval": intervals[i][t, m].note,
                            "status": s.status,
                            "label": s.label,
                            "n_tracks": s.n_tracks,
                            "n_frames": s.n_frames,
                            "n_dropped": s.n_dropped,
                            "without_errata": self._plain_clean(i, t, m),
                        }
                        for (t, m), s in self.cells[i].items()
                    ],
                }
                for i, run in enumerate(self.runs)
            ],
        }

    def _plain_clean(self, i: int, target: str, metric: str) -> dict[str, object] | None:
        clean = self.clean[i].get((target, metric))
        if clean is None:
            return None
        return {"score": clean.score, "status": clean.status, "n_tracks": clean.n_tracks}


def _columns(table: _Table) -> list[tuple[str, str]]:
    return [(t, m) for t in table.targets for m in table.metrics]


def _csv(tables: list[_Table]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "target_set",
            "system",
            "kind",
            "target",
            "metric",
            "score",
            "status",
            "label",
            "n_tracks",
            "n_frames",
            "n_dropped",
            "score_without_errata",
            "n_tracks_without_errata",
            "n_leaked_tracks",
            "n_failed",
            "n_left_out",
            "low",
            "high",
            *(["runnable"] if tables[0].limited else []),
        ]
    )
    for table in tables:
        intervals = table.intervals()
        for i, (run, cells, cleans) in enumerate(zip(table.runs, table.cells, table.clean, strict=True)):
            n_leaked = len(overlap_of(run).tracks)
            for (target, metric), s in cells.items():
                score = "" if s.score is None else repr(s.score)
                clean = cleans.get((target, metric))
                estimate = intervals[i][target, metric]
                writer.writerow(
                    [
                        table.target_set,
                        run.record.system.id,
                        run.record.system.kind,
                        target,
                        metric,
                        score,
                        s.status,
                        s.label,
                        s.n_tracks,
                        s.n_frames,
                        s.n_dropped,
                        "" if clean is None or clean.score is None else repr(clean.score),
                        clean.n_tracks if clean else "",
                        n_leaked,
                        len(run.failed),
                        len(run.record.data.left_out),
                        *("" if b is None else repr(b) for b in (estimate.low, estimate.high)),
                        *table.verdict(i),
                    ]
                )
    return out.getvalue().rstrip("\n")


def _markdown(table: _Table) -> str:
    def line(cells: list[str]) -> str:
        return f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |"

    rows = [
        line(table.header),
        line(["---", *["---:"] * len(_columns(table)), *["---"] * len(table.limited)]),
    ]
    for i, run in enumerate(table.runs):
        cells = [
            f"**{table.text(i, t, m)}**" if table.is_best(i, t, m) else table.text(i, t, m)
            for t, m in _columns(table)
        ]
        mark = f" 🔴 {LEAK}" if table.leaks[i] else ""
        rows.append(line([table.name(run) + mark, *cells, *table.verdict(i)]))
    return "\n".join([*rows, "", table.note])


def _latex(table: _Table) -> str:
    columns = _columns(table)
    groups = " & ".join(
        rf"\multicolumn{{{len(table.metrics)}}}{{c}}{{{latex_text(t)}}}" for t in table.targets
    )
    rows = []
    for i, run in enumerate(table.runs):
        cells = [latex_text(table.text(i, t, m)) for t, m in columns]
        bold = [
            rf"\textbf{{{c}}}" if table.is_best(i, t, m) else c
            for c, (t, m) in zip(cells, columns, strict=True)
        ]
        mark = rf" \textcolor{{red}}{{{LEAK}}}" if table.leaks[i] else ""
        rows.append(
            " & ".join([latex_text(table.name(run)) + mark, *bold, *map(latex_text, table.verdict(i))])
            + r" \\"
        )
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}" + (r" and \usepackage{xcolor}" if any(table.leaks) else ""),
            rf"\begin{{tabular}}{{l{'r' * len(columns)}{'l' * len(table.limited)}}}",
            r"\toprule",
            rf" & {groups}{' &' * len(table.limited)} \\",
            " & ".join(["system", *(latex_text(m) for _, m in columns), *table.limited]) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip{{\footnotesize {latex_text(table.note)}}}",
        ]
    )


def _html(table: _Table) -> str:
    def cell(tag: str, text: str, extra: str = "") -> str:
        return f"<{tag}{extra}>{html.escape(text)}</{tag}>"

    head = "".join(cell("th", h, ' scope="col"') for h in table.header)
    body = []
    for i, run in enumerate(table.runs):
        cells = [
            f"<td><b>{html.escape(table.text(i, t, m))}</b></td>"
            if table.is_best(i, t, m)
            else cell("td", table.text(i, t, m))
            for t, m in _columns(table)
        ]
        cells += [cell("td", told) for told in table.verdict(i)]
        mark = f' <b style="color:#b00020">{LEAK}</b>' if table.leaks[i] else ""
        name = f'<th scope="row">{html.escape(table.name(run))}{mark}</th>'
        body.append(f"<tr>{name}{''.join(cells)}</tr>")
    caption = cell("caption", table.note)
    return (
        f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table>"
    )
