"""The synthetic kit of clips: horns, sirens, up-filters, vocal chops and wah guitar.

The kit has 27 clips of each class, free of any licence and the same on every machine to within one 16-bit
step. They split into 15 for training, 3 for validation and 9 for testing, the ratio of DTTNet.

Each generator returns one mono clip, shape (n_samples,), at the rate of `svbench.probes.patterns.tones`. A
`Draw` decides everything random in it. The order of the draws is part of the kit's version: one draw more or
less changes every clip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from svbench.audio import Audio
from svbench.audio.draw import Draw
from svbench.errors import UnknownNameError
from svbench.probes.patterns.tones import (
    PENTATONIC,
    RATE_HZ,
    Signal,
    cycles,
    edges,
    place,
    plucked,
    resonance,
    saw,
    seconds,
    semitones,
    sine,
    swept,
)

VERSION = 1
CLIPS = 27
PEAK = 0.5
CLASSES = ("horns", "sirens", "up-filters", "vocal-chops", "wah-guitar")
SIRENS = ("wail", "yelp", "hi-lo", "air raid")
UP_FILTERS = ("noise", "chord", "both")

_GENERATORS: dict[str, Callable[[int, Draw, int], Signal]] = {
    "horns": lambda n, draw, number: horns(n, draw),
    "sirens": lambda n, draw, number: sirens(n, draw, SIRENS[number % len(SIRENS)]),
    "up-filters": lambda n, draw, number: up_filter(n, draw, UP_FILTERS[number % len(UP_FILTERS)]),
    "vocal-chops": lambda n, draw, number: vocal_chops(n, draw),
    "wah-guitar": lambda n, draw, number: wah_guitar(n, draw),
}


def kit_clip(pattern: str, number: int) -> Audio:
    """Generate one clip of the kit.

    Parameters
    ----------
    pattern : str
        One of `CLASSES`.
    number : int
        0 to 26.

    Returns
    -------
    Audio
        Stereo, 44.1 kHz, 4 to 8 s, peak 0.5, multiples of 2**-15.

    Raises
    ------
    UnknownNameError
        No such class or number.

    Examples
    --------
    >>> clip = kit_clip("sirens", 0)
    >>> clip.n_channels, clip.rate_hz, 4 <= clip.duration_s <= 8, float(abs(clip.samples).max())
    (2, 44100, True, 0.5)
    """
    if pattern not in CLASSES:
        raise UnknownNameError("pattern class", pattern, CLASSES)
    if not 0 <= number < CLIPS:
        raise UnknownNameError("clip", str(number), map(str, range(CLIPS)))
    draw = Draw(VERSION, CLASSES.index(pattern), number)
    n_samples = round(draw.between(4.0, 8.0) * RATE_HZ)
    # Panned near the centre, where most separators expect the voice.
    pan = draw.between(0.35, 0.65)
    mono = _GENERATORS[pattern](n_samples, draw, number) * edges(n_samples, 0.005, 0.02)
    stereo = mono[:, np.newaxis] * np.array([1 - pan, pan])
    # Whole steps of 16 bits, so that machines whose sines differ in the last bit still give the same clip.
    # The detour over integers also turns −0.0 into 0.0.
    steps = np.round(stereo * (PEAK / np.abs(stereo).max()) * 2**15).astype(np.int16)
    return Audio(steps / 2**15, RATE_HZ)


# Intervals in semitones of the chords that a horn section plays.
HORN_CHORDS = ((0,), (0, 12), (0, 4, 7), (0, 3, 7), (0, 3, 7, 10))


def horns(n_samples: int, draw: Draw) -> Signal:
    """Generate a brass section: stabs and long tones with a scoop at the start, brighter where louder.

    References
    ----------
    The level of the overtones follows the envelope, as J.-C. Risset found in real brass; frequency modulation
    whose index rises with the level does just that: J. Chowning, "The synthesis of complex audio spectra by
    means of frequency modulation", Journal of the Audio Engineering Society 21(7), 1973.
    """
    base = float(semitones(146.83, draw.below(12)))
    chord = draw.choice(HORN_CHORDS)
    index = draw.between(4.0, 7.0)
    beat_s = draw.between(0.22, 0.4)
    total = np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(beat_s * draw.choice((1, 1, 2, 4)) * RATE_HZ)
        if start == 0 or draw.below(5):
            step = draw.choice(PENTATONIC)
            sounding = round(length * draw.between(0.6, 0.95))
            for interval in chord:
                detuned = semitones(base, step + interval + draw.between(-0.08, 0.08))
                place(total, _horn_tone(float(detuned), sounding, index, draw), start)
            start += length
        else:
            start += round(beat_s * RATE_HZ)
    return total


def _horn_tone(frequency_hz: float, n_samples: int, index: float, draw: Draw) -> Signal:
    t = seconds(n_samples)
    attack_s = draw.between(0.03, 0.08)
    level = _horn_level(t, attack_s)
    scoop = -draw.between(0.3, 1.2) * np.exp(-t / 0.03)
    vibrato = 0.2 * np.clip((t - 0.3) / 0.3, 0, 1) * sine(draw.between(4.5, 6.0) * t)
    phase = cycles(semitones(frequency_hz, scoop + vibrato))
    # The index follows the square of the level, so brightness rises after the level in the attack and falls
    # before it in the release.
    return level * sine(phase + index * level**2 * sine(phase) / (2 * np.pi))


def _horn_level(t: Signal, attack_s: float) -> Signal:
    """Return an envelope that rises, settles at 80 %, holds, and closes within 60 ms."""
    rise = np.clip(t / attack_s, 0, 1)
    settle = 0.8 + 0.2 * np.exp(-np.maximum(t - attack_s, 0) / 0.1)
    close = np.clip((t[-1] - t) / 0.06, 0, 1)
    return np.asarray(rise * settle * close)


def sirens(n_samples: int, draw: Draw, kind: str) -> Signal:
    """Generate a siren of one of the kinds in `SIRENS`: the pitch glides like a voice that never breathes."""
    t = seconds(n_samples)
    if kind == "hi-lo":
        signal = _hi_lo(t, draw)
    elif kind == "air raid":
        signal = _air_raid(t, draw)
    else:
        # A wail glides up and down once in 2 to 4 s, as police cars do at a distance; a yelp does so
        # several times a second.
        slowest_hz, fastest_hz = {"wail": (0.25, 0.5), "yelp": (2.5, 4.5)}[kind]
        sway = _sway(t, draw.between(slowest_hz, fastest_hz), draw)
        low_hz, high_hz = draw.between(450.0, 650.0), draw.between(1200.0, 1600.0)
        signal = _siren_tone(low_hz * (high_hz / low_hz) ** sway, draw)
    return signal * edges(n_samples, 0.02, 0.1)


def _hi_lo(t: Signal, draw: Draw) -> Signal:
    """Alternate between two notes a fourth apart, as in Europe, with glides of 20 ms."""
    turn_s = draw.between(0.4, 0.7)
    triangle = 1 - np.abs((t / turn_s) % 2 - 1)
    high = np.clip(0.5 + (triangle - 0.5) * turn_s / 0.02, 0, 1)
    return _siren_tone(draw.between(400.0, 520.0) * (4 / 3) ** high, draw)


def _air_raid(t: Signal, draw: Draw) -> Signal:
    """Spin two rotors, whose ports are in the ratio 5 to 6, up and down on one motor."""
    rate_hz = draw.between(0.12, 0.22)
    speed = _sway(t, rate_hz, draw)
    top = draw.between(380.0, 480.0)
    frequency = top * (0.35 + 0.65 * speed)
    lower = _overtones(cycles(frequency), 8, draw.between(0.75, 0.9))
    upper = _overtones(cycles(1.2 * frequency), 8, draw.between(0.75, 0.9))
    return (0.4 + 0.6 * speed) * (lower + upper)


def _sway(t: Signal, rate_hz: float, draw: Draw) -> Signal:
    """Swing between 0 and 1, rising and falling exponentially, like a capacitor that is charged."""
    phase = (rate_hz * t + draw.between(0.0, 1.0)) % 1
    # The share of the way that remains when the swing turns: with this value it is continuous there.
    left = np.exp(-3) / (1 + np.exp(-3))
    rise = 1 - (1 - left) * np.exp(-6 * phase)
    fall = (1 - left) * np.exp(-6 * (phase - 0.5))
    return np.asarray(np.where(phase < 0.5, rise, fall))


def _siren_tone(frequency_hz: Signal, draw: Draw) -> Signal:
    return _overtones(cycles(frequency_hz), 6, draw.between(0.35, 0.65))


def _overtones(phase: Signal, n: int, rolloff: float) -> Signal:
    return np.asarray(sum(rolloff**k * sine((k + 1) * phase) for k in range(n)))


PAD_CHORDS = ((0, 7, 12), (0, 3, 7, 10), (0, 4, 7, 11), (0, 5, 7, 12))


def up_filter(n_samples: int, draw: Draw, source: str) -> Signal:
    """Generate noise, chords or both behind a filter that opens upwards, as before a drop in dance music."""
    t = seconds(n_samples)
    progress: Signal = t / t[-1]
    signal = np.zeros(n_samples)
    if source != "chord":
        signal += draw.noise(n_samples)
    if source != "noise":
        signal += 0.6 * _pad(n_samples, draw)
    low, high = draw.between(120.0, 300.0), draw.between(6000.0, 12000.0)
    cutoff = low * (high / low) ** progress ** draw.between(0.8, 1.4)
    # A chord has little energy far above its root, where a band-pass would leave nothing of it.
    gain = _low_pass if source == "chord" or draw.below(2) else resonance(draw.between(1.5, 4.0))
    opened = swept(signal, gain, cutoff)
    return opened * (0.15 + 0.85 * progress) * _pumping(t, draw) * edges(n_samples, 0.05, 0.03)


def _low_pass(frequency_hz: Signal, cutoff_hz: Signal) -> Signal:
    """Return the gain of a low-pass of second order with a peak at the cut-off, as synthesisers have it."""
    ratio = frequency_hz / cutoff_hz
    return np.asarray(1 / np.sqrt((1 - ratio**2) ** 2 + (0.4 * ratio) ** 2))


def _pad(n_samples: int, draw: Draw) -> Signal:
    base = float(semitones(110.0, draw.below(12)))
    notes = (
        float(semitones(base, s + draw.between(-0.1, 0.1))) for s in draw.choice(PAD_CHORDS) for _ in (0, 1)
    )
    total: Signal = np.sum([saw(np.full(n_samples, note)) for note in notes], axis=0)
    return total / 4


def _pumping(t: Signal, draw: Draw) -> Signal:
    """Let the level pump, in half of the clips, as a compressor driven by a bass drum would."""
    if draw.below(2):
        return np.ones_like(t)
    beat = (t / draw.between(0.4, 0.52)) % 1
    return np.asarray(0.35 + 0.65 * np.clip(np.minimum(beat / 0.4, (1 - beat) / 0.04), 0, 1))


# Frequency in Hz, level in dB and bandwidth in Hz of five formants, rounded means of adult singers.
VOWELS = {
    "a": ((750, 0, 90), (1200, -6, 100), (2600, -20, 120), (3500, -26, 130), (4600, -40, 140)),
    "e": ((450, 0, 80), (1900, -14, 100), (2600, -18, 120), (3500, -22, 130), (4600, -40, 140)),
    "i": ((300, 0, 60), (2200, -18, 100), (2900, -22, 120), (3600, -26, 130), (4700, -40, 140)),
    "o": ((450, 0, 80), (850, -8, 90), (2600, -26, 120), (3400, -28, 130), (4600, -44, 140)),
    "u": ((330, 0, 60), (700, -14, 80), (2500, -30, 120), (3400, -34, 130), (4600, -48, 140)),
}


def vocal_chops(n_samples: int, draw: Draw) -> Signal:
    """Generate sung vowels, cut into short notes, pitched like an instrument, with shifted formants.

    The voice is a source and a filter: a saw tone, softened like the pulses of vocal folds, through five
    formants.
    """
    base = float(semitones(196.0, draw.below(15)))
    sixteenth_s = draw.between(0.11, 0.16)
    shift = draw.between(0.85, 1.35)
    total = np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(sixteenth_s * draw.choice((1, 1, 2, 2, 3)) * RATE_HZ)
        step = draw.choice(PENTATONIC) + 12 * draw.choice((0, 0, 1))
        vowel = draw.choice(sorted(VOWELS))
        chop = _sung(float(semitones(base, step)), vowel, shift, round(0.8 * length), draw)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):  # a stutter repeats exactly the same samples
            place(total, chop, start)
            start += length
        if draw.below(4) == 0:
            start += length
    return total


def _sung(pitch_hz: float, vowel: str, shift: float, n_samples: int, draw: Draw) -> Signal:
    t = seconds(n_samples)
    scoop = -draw.between(0.0, 1.0) * np.exp(-t / 0.02)
    vibrato = 0.3 * np.clip(t / 0.2, 0, 1) * sine(draw.between(5.0, 6.5) * t)
    voice = saw(semitones(pitch_hz, scoop + vibrato)) + 0.03 * draw.noise(n_samples)

    def formants(frequency_hz: Signal, shifts: Signal) -> Signal:
        gains = [10 ** (db / 20) * _peak(frequency_hz, hz * shifts, width) for hz, db, width in VOWELS[vowel]]
        total: Signal = np.sum(gains, axis=0) / np.sqrt(1 + (frequency_hz / 2000) ** 2)
        return total

    chop = swept(voice, formants, np.full(n_samples, shift)) * edges(n_samples, 0.006, 0.01)
    return np.asarray(chop / np.abs(chop).max())


def _peak(frequency_hz: Signal, centre_hz: Signal, width_hz: float) -> Signal:
    """Return the gain of one formant: 1 at its centre, −3 dB at half the width on either side."""
    return np.asarray(1 / np.sqrt(1 + ((frequency_hz - centre_hz) / (width_hz / 2)) ** 2))


# The range of the resonance.
WAH_LOW_HZ, WAH_HIGH_HZ = 350.0, 2200.0


def wah_guitar(n_samples: int, draw: Draw) -> Signal:
    """Generate plucked strings or a saw lead through a resonance that a foot or the touch sweeps.

    The resonance sweeps over the first formants of the vowels, so the guitar seems to speak.
    """
    beat_s = draw.between(0.2, 0.34)
    strings, pedal = _guitar_riff(n_samples, draw, beat_s)
    driven = strings / (0.05 + np.abs(strings))  # an overdriven amplifier: the decay becomes even
    centre = WAH_LOW_HZ * (WAH_HIGH_HZ / WAH_LOW_HZ) ** pedal
    wet = swept(driven, resonance(draw.between(5.0, 10.0)), centre)
    return wet + 0.02 * driven


def _guitar_riff(n_samples: int, draw: Draw, beat_s: float) -> tuple[Signal, Signal]:
    """Return the notes and the position of the pedal, 0 to 1: swept by foot, or opened by each note."""
    base = float(semitones(82.41, draw.below(13)))
    lead = draw.below(3) == 0
    by_foot = draw.below(2) == 0
    total, touch = np.zeros(n_samples), np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = round(beat_s * draw.choice((1, 1, 2, 3)) * RATE_HZ)
        if start == 0 or draw.below(6):
            step = draw.choice(PENTATONIC) + 12 * draw.below(2)
            place(total, _guitar_note(float(semitones(base, step)), length, lead, draw), start)
            t = seconds(length)
            place(touch, np.minimum(t / 0.05, 1) * np.exp(-t * draw.between(5.0, 10.0)), start)
        start += length
    if not by_foot:
        return total, np.clip(touch, 0, 1)
    rate_hz = np.full(n_samples, draw.between(0.8, 2.5))
    return total, 0.5 - 0.5 * sine(cycles(rate_hz) + draw.between(0.0, 1.0))


def _guitar_note(frequency_hz: float, n_samples: int, lead: bool, draw: Draw) -> Signal:
    envelope = edges(n_samples, 0.002, 0.02)
    if lead:
        return 0.6 * saw(np.full(n_samples, frequency_hz)) * envelope
    return plucked(frequency_hz, n_samples, draw) * envelope
