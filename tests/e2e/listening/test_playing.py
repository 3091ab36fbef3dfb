"""The player, rendered by the browser itself: every sample of what a listener would hear.

Stimuli are coded: a sample's value tells which stimulus and which position it is. An odd number
times the running number, modulo 2**23, is unique, exact in single precision, and nothing like its
neighbours, so that an interpolation between samples shows as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from svbench.specs.listening import Sessions

pytestmark = [
    pytest.mark.browser,
    # Playwright leaves its pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Make = Callable[..., Any]
FACTOR, RANGE = 5167, 2**23
SOUNDS = """
(context, n, length) => Array.from({ length: n }, (_, k) => {
  const buffer = context.createBuffer(2, length, context.sampleRate);
  const values = Float32Array.from({ length }, (_, i) => (((k * length + i + 1) * 5167) % 2 ** 23) / 2 ** 23);
  buffer.copyToChannel(values, 0);
  buffer.copyToChannel(values.map((x) => -x), 1);
  return buffer;
})"""
GRAPH = """
async ({ rate, n, length, total, schedule }) => {
  const { buildGraph } = await import("/static/graph.js");
  const context = new OfflineAudioContext(2, total, rate);
  buildGraph(context, (SOUNDS)(context, n, length), schedule);
  const out = await context.startRendering();
  return [0, 1].map((c) => Array.from(out.getChannelData(c)));
}""".replace("SOUNDS", SOUNDS)
PLAYER = """
async ({ rate, n, length, total, acts }) => {
  const { Player } = await import("/static/player.js");
  const context = new OfflineAudioContext(2, total, rate);
  Object.defineProperty(context, "state", { get: () => "running" }); // which it is between the acts
  context.resume = async () => {};
  const go = () => OfflineAudioContext.prototype.resume.call(context);
  const player = new Player((SOUNDS)(context, n, length), null, () => context);
  const told = [];
  for (const [at, name, ...values] of acts) {
    context.suspend(at).then(async () => {
      told.push([at, player.position]);
      await player[name](...values);
      go();
    });
  }
  const out = await context.startRendering();
  return [Array.from(out.getChannelData(0)), told];
}""".replace("SOUNDS", SOUNDS)


@pytest.fixture
def page(serve: Make, browse: Make) -> Any:
    tab = browse(serve(anchors=()).address)
    tab.open()
    return tab.page


def coded(stimulus: int, positions: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    return (stimulus * length + positions + 1) * FACTOR % RANGE / RANGE


def read(samples: NDArray[np.float64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which stimulus, and which position, each sample is."""
    numbers = (samples * RANGE).astype(np.int64) * pow(FACTOR, -1, RANGE) % RANGE - 1
    return numbers // length, numbers % length


def fade(n: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)


@pytest.mark.parametrize(("rate", "n_fade"), [(44100, 221), (48000, 240), (16000, 80), (96000, 480)])
@pytest.mark.parametrize("looped", [False, True])
def test_each_sample_is_that_of_the_schedule(page: Any, rate: int, n_fade: int, looped: bool) -> None:
    n, length, total, at, start = 3, rate, 2 * rate, 100, 7000
    loop = [5001, 5001 + rate * 6 // 10] if looped else [0, length]
    # The fifth is in a hurry: it has to wait for the end of the switch before.
    switches = [[at, 0], [9000, 1], [12001, 2], [19999, 0], [20050, 1], [int(1.7 * rate), None]]
    schedule = {"at": at, "from": start, "loop": loop, "switches": switches}
    arguments = {"rate": rate, "n": n, "length": length, "total": total, "schedule": schedule}
    left, right = (np.array(c) for c in page.evaluate(GRAPH, arguments))
    frames = np.arange(total)
    positions = loop[0] + (start + frames - at - loop[0]) % (loop[1] - loop[0])
    gains = np.zeros((n, total))
    gains[0, at:9000], gains[0, at : at + n_fade] = 1, fade(n_fade)
    busy, current = at + n_fade + 1, 0
    for frame, to in switches[1:]:
        begin = max(frame, busy)
        gains[current, begin:] = 0
        gains[current, begin : begin + n_fade] = 1 - fade(n_fade)
        busy = begin + n_fade
        if to is not None:
            gains[to, busy:] = 1
            gains[to, busy : busy + n_fade] = fade(n_fade)
            busy, current = busy + n_fade, to
        busy += 1
    assert (np.count_nonzero(gains, axis=0) <= 1).all(), "no cross-fade"
    expected = sum(gains[k] * coded(k, positions, length) for k in range(n))
    edges = np.ones(length)
    if looped:
        edges[loop[0] : loop[0] + n_fade] = fade(n_fade)
        edges[loop[1] - n_fade - 1 : loop[1]] = np.append(1 - fade(n_fade), 0)
    expected *= edges[positions]
    whole = (gains.sum(0) == 1) & (edges[positions] == 1)
    assert whole.mean() > 0.7
    np.testing.assert_array_equal(left[whole], expected[whole])
    np.testing.assert_allclose(left, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(left[expected == 0], 0, atol=1e-12)
    np.testing.assert_array_equal(right, -left)


def test_the_player_keeps_the_position_through_switches_jumps_and_loops(page: Any) -> None:
    rate, n, length, total = 44100, 4, 88200, 4 * 44100
    acts = [
        [0.1, "play", 0],
        [0.5, "play", 3],
        [0.9, "play", 1],
        [1.2, "seek", 0.25],
        [1.6, "pause"],
        [1.9, "play", 2],
        [2.2, "setLoop", [0.3, 0.9]],
        [3.5, "play", 0],
    ]
    arguments = {"rate": rate, "n": n, "length": length, "total": total, "acts": acts}
    samples, told = page.evaluate(PLAYER, arguments)
    out = np.array(samples)
    stimulus, position = read(out, length)
    clear = [(0.15, 0.5, 0), (0.54, 0.9, 3), (0.94, 1.2, 1), (1.24, 1.6, 1), (1.95, 2.2, 2), (3.54, 4.0, 0)]
    for first, last, which in clear:
        part = slice(round(first * rate), round(last * rate))
        inside = np.diff(position[part]) == 1  # elsewhere the loop begins again, between two fades
        assert inside.mean() > 0.95
        assert (stimulus[part][1:][inside] == which).all()
    # The same clock before and after a switch: position minus time does not change.
    offset = position - np.arange(total)
    at = lambda seconds: offset[round(seconds * rate)]  # noqa: E731
    assert at(0.2) == at(0.6) == at(1.0)
    # A jump is to where it was asked for; the fades and the lead ahead of the clock come before.
    jumped = position[round(1.24 * rate)] - round(0.25 * rate)
    assert 0 < jumped <= 0.04 * rate
    assert not out[round(1.65 * rate) : round(1.9 * rate)].any(), "a pause is silence"
    assert at(1.3) - at(2.0) == pytest.approx(rate * 0.3, abs=0.05 * rate)  # it goes on from there
    inside = out[round(2.3 * rate) :] != 0
    heard = position[round(2.3 * rate) :][inside & (np.diff(position, prepend=0)[round(2.3 * rate) :] == 1)]
    assert round(0.3 * rate) <= heard.min() <= heard.max() < round(0.9 * rate)
    # What the picture shows is what is heard.
    for seconds, shown in told[1:4]:
        assert shown * rate == pytest.approx(position[round(seconds * rate) // 128 * 128], abs=129)


def test_a_part_can_be_looped_by_mouse_keys_and_buttons(serve: Make, browse: Make) -> None:
    tab = browse(serve(anchors=(), length_s=2.0).address)
    tab.begin()
    page = tab.page
    first = page.get_by_role("slider", name="Start of the loop")
    last = page.get_by_role("slider", name="End of the loop")
    wave = page.locator(".wave canvas").bounding_box()
    grip = last.bounding_box()
    page.mouse.move(grip["x"] + 8, grip["y"] + grip["height"] - 8)
    page.mouse.down()
    page.mouse.move(wave["x"] + wave["width"] * 0.6, grip["y"], steps=4)
    page.mouse.up()
    assert last.get_attribute("aria-valuenow") == "1.2"
    first.press("PageUp")
    assert first.get_attribute("aria-valuenow") == "0.7", "half a second is left"
    first.press("ArrowLeft")
    first.press("ArrowLeft")
    assert [m.get_attribute("aria-valuetext") for m in (first, last)] == ["0.5 s", "1.2 s"]
    page.keyboard.press("1")
    page.wait_for_timeout(1200)
    for _ in range(5):
        assert 0.5 <= float(page.locator(".clock").inner_text().split()[0]) <= 1.2
    page.get_by_role("button", name="Hear all of it").click()
    assert [m.get_attribute("aria-valuenow") for m in (first, last)] == ["0.0", "2.0"]
    page.keyboard.press("Space")
    page.keyboard.press(" ")
    page.get_by_role("slider", name="Position in the sound").press("Home")
    page.keyboard.press("k")
    page.keyboard.press("i")
    assert float(first.get_attribute("aria-valuenow")) >= 1.0
    page.keyboard.press("l")
    assert first.get_attribute("aria-valuenow") == "0.0"


def test_a_browser_at_another_rate_resamples_all_alike(serve: Make, browse: Make) -> None:
    tab = browse(serve(anchors=(), rate_hz=44100, sessions=Sessions(replicates=0)).address)
    # A browser that knows the device's rate alone.
    tab.page.add_init_script("""
        const Native = AudioContext;
        window.contexts = [];
        window.AudioContext = class extends Native {
          constructor(options = {}) {
            if (options.sampleRate) throw new DOMException("no other rate", "NotSupportedError");
            super({ sampleRate: 32000 });
            contexts.push(this);
          }
        };
        const create = Native.prototype.createBufferSource;
        window.played = [];
        Native.prototype.createBufferSource = function () {
          const source = create.call(this);
          played.push(source);
          return source;
        };
    """)
    tab.begin()
    tab.page.keyboard.press("1")
    tab.heard("Version 1")
    tab.page.keyboard.press("2")
    tab.heard("Version 2")
    shapes = tab.page.evaluate("played.map(({ buffer }) => [buffer.sampleRate, buffer.length])")
    assert len(shapes) == 3, "two stimuli and the reference, started once"
    assert shapes == [[32000, 32000]] * 3
    assert tab.page.evaluate("contexts.length") == 1


def test_sounds_are_decoded_to_the_samples_of_the_file(serve: Make, browse: Make) -> None:
    import soundfile

    served = serve(anchors=(), rate_hz=22050)
    tab = browse(served.address)
    tab.begin()
    [screen] = tab.page.evaluate("fetch('/api/screen').then((r) => r.json()).then((d) => [d.slots[0].audio])")
    decoded = tab.page.evaluate(
        "async (address) => { const { load } = await import('/static/sounds.js');"
        " const [b] = await load([address], 22050); return Array.from(b.getChannelData(1)); }",
        screen,
    )
    files = [soundfile.read(f, dtype="float32")[0][:, 1] for f in (served.folder / "stimuli").iterdir()]
    # Chromium divides positive samples by 32767 and negative ones by 32768, of all stimuli alike.
    errors = [np.abs(f - decoded).max() for f in files if len(f) == len(decoded)]
    assert min(errors) < 2**-15
    assert sorted(errors)[2] > 100 * 2**-15  # open and hidden reference differ by their dither alone
