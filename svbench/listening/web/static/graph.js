// The audio graph of a player: all sounds run together, sample by sample, and one is let through.
//
// All times are whole frames of the clock of the context, so that a switch falls on a sample. Nothing here
// reads the clock, so an OfflineAudioContext renders exactly what a listener hears; tests rely on that.

const FADE_S = 0.005; // long enough not to click, too short to hear a gap

// The length of a fade in frames.
export function fadeFrames(rate) {
  return Math.round(FADE_S * rate);
}

// A raised cosine with one value for each frame, both ends included.
export function fade(rate, up) {
  const n = fadeFrames(rate);
  return Float32Array.from({ length: n + 1 }, (_, k) => 0.5 - 0.5 * Math.cos((Math.PI * (up ? k : n - k)) / n));
}

// Fade one sound out, and only then another in (null: none). They never sound together, because a mix of
// two similar stimuli has a colour of its own (comb filter) that would give them away. Returns the frame
// from which the next switch may begin. It is one frame later than the end: times are in seconds, so two
// curves of one gain that touch could overlap by a rounding error, and the browser refuses that.
export function switchSound(gains, from, to, frame, rate) {
  const n = fadeFrames(rate);
  let at = frame;
  if (from !== null) {
    gains[from].gain.setValueCurveAtTime(fade(rate, false), at / rate, n / rate);
    at += n;
  }
  if (to !== null) {
    gains[to].gain.setValueCurveAtTime(fade(rate, true), at / rate, n / rate);
    at += n;
  }
  return at + 1;
}

// Start all buffers at one frame (`at`) from one position (`from`), loop them between the same two points,
// and carry out `switches`: pairs of a frame and the sound to be heard from then on.
export function buildGraph(context, buffers, { at, from, loop, switches = [] }) {
  const rate = context.sampleRate;
  const out = context.createGain();
  out.connect(context.destination);
  const start = (buffer, target) => {
    const source = context.createBufferSource();
    Object.assign(source, { buffer, loop: true, loopStart: loop[0] / rate, loopEnd: loop[1] / rate });
    source.connect(target);
    source.start(at / rate, from / rate);
    return source;
  };
  const gains = buffers.map(() => {
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(out);
    return gain;
  });
  const sources = buffers.map((buffer, i) => start(buffer, gains[i]));
  if (loop[1] - loop[0] < buffers[0].length) {
    out.gain.value = 0; // the seam's signal is added to this value
    sources.push(start(seam(context, buffers[0].length, loop), out.gain));
  }
  let current = null;
  let busy = at;
  for (const [frame, index] of switches) {
    busy = switchSound(gains, current, index, Math.max(frame, busy), rate);
    current = index;
  }
  return { sources, gains, out, at, from, loop, current, busy };
}

// A gain signal that loops together with the sounds and fades at both ends of the loop, where the sounds
// jump: without it every round would click.
function seam(context, length, [first, last]) {
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, length, rate);
  const values = buffer.getChannelData(0).fill(1);
  values.set(fade(rate, true), first);
  values.set(fade(rate, false), last - fadeFrames(rate) - 1);
  return buffer;
}

// The position in the sounds, in frames, at a frame of the clock.
export function positionAt({ at, from, loop }, frame) {
  const length = loop[1] - loop[0];
  return loop[0] + ((((from - loop[0] + Math.max(0, frame - at)) % length) + length) % length);
}
