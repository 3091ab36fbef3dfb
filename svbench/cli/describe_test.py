"""Print a summary of a built listening test. This unblinds whoever reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from svbench.cli.output import print_json, print_line, print_rows


def print_new_test(test: Any, folder: Path, as_json: bool) -> None:
    """Print what is in a test that was just written, and the command that serves it."""
    content = test_content(test)
    if as_json:
        print_json(content)
        return
    print_test(content)
    print(f"\ntest: {folder}; serve it with `svbench listen serve {folder}`")


def test_content(test: Any) -> dict[str, Any]:
    """Return the content of a test as plain values."""
    import msgspec

    content: dict[str, Any] = msgspec.to_builtins(test)
    return {**content, "digest": test.digest, "protocol": test.protocol.id}


def print_test(test: dict[str, Any]) -> None:
    """Print conditions, anchors, excerpts, gains and notes of a test."""
    print(f"{test['title']} ({test['protocol']}), test {test['id']}\n")
    print_rows([{**c, "indent": "", "run": c["run"][:8]} for c in test["conditions"]],
               ["indent", "id", "role", "run", "title"])  # fmt: skip
    for condition in test["conditions"]:
        for rate, found in condition["details"].items():
            print(f"  {condition['id']} at {rate} Hz: {_mask(found.get('low_pass', found))}")
    print(f"\n{test['provenance'].get('rule', '')}\n")
    rows = [
        {
            "indent": "", "kind": t["kind"], "track": t["track"], "target": t["target"],
            "from": f"{t['start_s']:g} s", "length": f"{t['length_s']:g} s", "why": t["chosen_by"],
        }
        for t in test["trials"]
    ]  # fmt: skip
    print_rows(rows, ["indent", "kind", "track", "target", "from", "length", "why"])
    print("\ngains in dB, true peaks in dBTP, by condition:")
    names = [c["id"] for c in test["conditions"]]
    levels = [{"indent": "", "track": "", "from": "", **{name: name for name in names}}]
    for row, trial in zip(rows, test["trials"], strict=True):
        cells = {s["condition"]: f"{s['gain_db']:+.1f} ({s['peak_dbtp']:.1f})" for s in trial["stimuli"]}
        levels.append({**row, **dict.fromkeys(names, ""), **cells})
    print_rows(levels, ["indent", "track", "from", *names])
    for note in test["provenance"].get("notes", []):
        print_line(f"note: {note}")


def _mask(measured: dict[str, Any]) -> str:
    attenuation = (
        f"{'nothing left' if db is None else f'{db:.1f} dB'} from {hz} Hz"
        for hz, db in measured["attenuation_db"].items()
    )
    ripple = f"±{measured['ripple_db']:.3f} dB to {measured['cutoff_hz']:g} Hz"
    return f"{ripple}, {', '.join(attenuation)}, lag {abs(measured['lag_samples']):g} samples"
