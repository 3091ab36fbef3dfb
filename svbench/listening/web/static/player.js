// Plays the sounds of one screen. All of them run together from one position, on the clock of the audio
// device; one is audible. Timers of the page would drift against it by milliseconds, which can be heard.

import { buildGraph, fadeFrames, positionAt, switchSound } from "./graph.js";

const LEAD_S = 0.01; // schedule this far ahead: a fade that begins in the past would be cut short and click

let opened = null; // the one audio context of the page, and the rate it was opened for

// Return a context at the rate of the stimuli, so that the browser does not resample them, or at the rate
// of the device where the browser allows nothing else. Call it on a click or a key press: before the first
// one, browsers play no sound.
export function openContext(rate) {
  if (opened && opened.rate !== rate) {
    opened.context.close();
    opened = null;
  }
  opened ??= { rate, context: newContext(rate) };
  return opened.context;
}

function newContext(rate) {
  try {
    return new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    return new AudioContext();
  }
}

// Sends "change" when it starts, switches, jumps or pauses. Positions are in seconds.
export class Player extends EventTarget {
  #context = null;
  #opening = null;
  #buffers;
  #reload;
  #open;
  #wanted = null;
  #graph = null;
  #held = 0; // the position while paused

  // `buffers` have one length and rate; `reload(rate)` loads them at another rate, for a context that runs
  // at that rate.
  constructor(buffers, reload, open = openContext) {
    super();
    this.#buffers = buffers;
    this.#reload = reload;
    this.#open = open;
    this.duration = buffers[0].duration;
    this.loop = [0, this.duration];
    this.current = null; // the sound that is playing, or was playing last
  }

  get playing() {
    return this.#graph !== null;
  }

  get position() {
    if (!this.#graph) return this.#held;
    const { sampleRate, currentTime } = this.#context;
    return positionAt(this.#graph, Math.round(currentTime * sampleRate)) / sampleRate;
  }

  // Play one of the sounds from now on. While the context opens, several keys may be pressed: only the
  // last one counts.
  async play(index) {
    this.#wanted = index;
    if (this.#context?.state !== "running") {
      this.#opening ??= this.#ready().finally(() => { this.#opening = null; });
      await this.#opening;
    }
    if (this.#wanted !== index || !this.#context) return;
    if (!this.#graph) {
      this.#start(index, this.#soon());
    } else if (index !== this.#graph.current) {
      const busy = switchSound(this.#graph.gains, this.#graph.current, index, this.#soon(), this.#context.sampleRate);
      Object.assign(this.#graph, { busy, current: index });
    }
    this.current = index;
    this.#tell();
  }

  pause() {
    this.#wanted = null;
    if (!this.#graph) return;
    this.#held = this.position;
    this.#stop();
    this.#tell();
  }

  // Jump to a position, with all sounds. A running source cannot jump, so the old ones fade out and new ones
  // start at the frame at which the old ones are silent.
  seek(seconds) {
    this.#held = this.#inside(seconds);
    if (this.#graph) this.#start(this.#graph.current, this.#stop());
    this.#tell();
  }

  setLoop(loop) {
    const position = this.position;
    this.loop = loop;
    this.seek(position);
  }

  close() {
    this.pause();
    this.#context?.removeEventListener("statechange", this.#stateChanged);
    this.#context = null;
    this.#buffers = [];
  }

  async #ready() {
    if (!this.#context) {
      const context = this.#open(this.#buffers[0].sampleRate);
      await context.resume();
      if (context.sampleRate !== this.#buffers[0].sampleRate) this.#buffers = await this.#reload(context.sampleRate);
      context.addEventListener("statechange", this.#stateChanged);
      this.#context = context;
    }
    await this.#context.resume();
  }

  #start(index, at) {
    const { sampleRate } = this.#context;
    const length = this.#buffers[0].length;
    const frames = (seconds) => Math.min(length, Math.round(seconds * sampleRate));
    const loop = [frames(this.loop[0]), this.loop[1] >= this.duration ? length : frames(this.loop[1])];
    const from = Math.min(frames(this.#inside(this.#held)), loop[1] - fadeFrames(sampleRate));
    this.#graph = buildGraph(this.#context, this.#buffers, { at, from, loop, switches: [[at, index]] });
  }

  // Fade out and end all sounds. Returns the frame at which they are silent and others may begin.
  #stop() {
    const { gains, sources, out, current } = this.#graph;
    const silent = switchSound(gains, current, null, this.#soon(), this.#context.sampleRate);
    sources.forEach((source) => source.stop(silent / this.#context.sampleRate));
    sources[0].onended = () => out.disconnect();
    this.#graph = null;
    return silent;
  }

  // The next frame at which a fade may begin: ahead of the clock, and after the fade that is running.
  #soon() {
    const frame = Math.ceil((this.#context.currentTime + LEAD_S) * this.#context.sampleRate);
    return Math.max(frame, this.#graph ? this.#graph.busy : 0);
  }

  // A position outside the loop would play up to its end once and sound like a jump: start the loop instead.
  #inside(seconds) {
    const [first, last] = this.loop;
    return seconds >= first && seconds < last ? seconds : first;
  }

  // A phone call or headphones that switch off stop the audio clock; show that as a pause.
  #stateChanged = () => {
    if (this.#context.state !== "running") this.pause();
  };

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
