"""The resampler of ffmpeg, against ffmpeg itself, and what it is for: SIR at 22.05 kHz on real music."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from svbench import score_arrays
from svbench.audio import Audio, resample, swresample
from svbench.datasets.demo import demo_root
from svbench.results.aggregate import TrackScore
from svbench.specs.protocol import Protocol, load_protocol

RATE_HZ = 44100


def real_music(seconds: float = 8.0) -> dict[str, np.ndarray]:
    folder = demo_root() / "francium"
    start, stop = 5 * RATE_HZ, round((5 + seconds) * RATE_HZ)
    found = {p.stem: soundfile.read(p, always_2d=True)[0][start:stop] for p in sorted(folder.glob("*.flac"))}
    vocals = found.pop("vocals")
    return {"vocals": vocals, "accompaniment": sum(found.values())}


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to compare with")
@pytest.mark.parametrize(("rates", "tolerance"), [((44100, 22050), 1e-7), ((48000, 22050), 1e-5)])
def test_equal_to_ffmpeg_to_the_last_sample(rates: tuple[int, int], tolerance: float, tmp_path: Path) -> None:
    samples = real_music(1.0)["vocals"][:-13]
    soundfile.write(tmp_path / "in.wav", samples, rates[0], subtype="FLOAT")
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.wav"), "-ar", str(rates[1])]
    subprocess.run([*command, "-f", "f32le", str(tmp_path / "out.raw")], check=True)
    theirs = np.fromfile(tmp_path / "out.raw", dtype="<f4").reshape(-1, samples.shape[1])
    ours = swresample(samples, *rates)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < tolerance


def masked(references: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Estimates as a mask in frequency gives them: sharp to the last bit in empty bands."""
    from scipy.signal import istft, stft

    spectra = {t: stft(x.T, nperseg=2048)[2] for t, x in references.items()}
    total = sum(np.abs(s) for s in spectra.values()) + 1e-9
    mixture = sum(spectra.values())
    n = len(references["vocals"])
    return {t: istft(np.abs(s) / total * mixture, nperseg=2048)[1].T[:n] for t, s in spectra.items()}


def test_sir_of_real_music_at_22_khz() -> None:
    """A steep resampler leaves an empty band and SIR is meaningless; ffmpeg's gives that of 16 bits."""
    references = real_music()
    estimates = masked(references)
    protocol = load_protocol("sisec18-22k")
    assert (protocol.version, protocol.resampler) == ("2", "ffmpeg")

    def sir(rule: Protocol, given: dict[str, np.ndarray], rate_hz: int) -> TrackScore:
        rows = score_arrays(given, estimates_at[rate_hz], rate_hz=rate_hz, protocol=rule)
        return next(r for r in rows if (r.target, r.metric) == ("vocals", "SIR"))

    half = {
        name: {t: resample(Audio(x, RATE_HZ), 22050).samples for t, x in signals.items()}
        for name, signals in (("references", references), ("estimates", estimates))
    }
    estimates_at = {RATE_HZ: estimates, 22050: half["estimates"]}
    steep = replace(protocol, resampler="soxr-vhq")
    assert sir(steep, references, RATE_HZ).status == "unstable"
    sixteen = {t: np.round(x * 32768) / 32768 for t, x in half["references"].items()}
    known = sir(protocol, sixteen, 22050)
    found = sir(protocol, references, RATE_HZ)
    assert (known.status, found.status) == ("ok", "ok")
    assert found.score == pytest.approx(known.score, abs=0.5)  # the steep one is 20 dB off
