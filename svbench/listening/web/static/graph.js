// Sounds that run together, sample by sample, one of which is let through.
//
// All times are whole frames of the context's clock, so that a switch falls on a sample. Nothing
// here asks what time it is: an OfflineAudioContext renders the same as a listener hears.

const FADE_S = 0.005;

// How many frames a fade lasts.
export function fadeFrames(rate) {
  return Math.round(FADE_S * rate);
}

// A raised cosine with one value a frame, both ends included.
export function fade(rate, up) {
  const n = fadeFrames(rate);
  return Float32Array.from({ length: n + 1 }, (_, k) => 0.5 - 0.5 * Math.cos((Math.PI * (up ? k : n - k)) / n));
}

// Let one sound fade out and only then another in; either may be none (null). Returns the frame
// from which the next switch may begin: one after the end, since two curves of one gain that touch
// may overlap by a rounding error of seconds, which is refused.
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

// Start all buffers at one frame (`at`) from one position (`from`), looping between the same two
// points, and carry out `switches`: pairs of frame and the sound to be heard from then on.
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
    out.gain.value = 0; // what comes in is added to it
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

// A gain that runs along with the sounds and closes at both ends of the loop, where they jump.
function seam(context, length, [first, last]) {
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, length, rate);
  const values = buffer.getChannelData(0).fill(1);
  values.set(fade(rate, true), first);
  values.set(fade(rate, false), last - fadeFrames(rate) - 1);
  return buffer;
}

// Where in the sounds a graph is at a frame of the clock.
export function positionAt({ at, from, loop }, frame) {
  const length = loop[1] - loop[0];
  return loop[0] + ((((from - loop[0] + Math.max(0, frame - at)) % length) + length) % length);
}
