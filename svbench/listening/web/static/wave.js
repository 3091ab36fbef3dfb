// The time line: the position and the part that is looped. It shows the waveform of the open reference, or
// none: a waveform of a stimulus would give it away.

import { say } from "./words.js";

const SHORTEST_S = 0.5;

export class Wave {
  #player;
  #peaks = null;

  // `root` holds canvas, .position (a range), .marker.start, .marker.end, .clock and the buttons.
  constructor(root, player, picture) {
    this.#player = player;
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.range = root.querySelector(".position");
    this.markers = [...root.querySelectorAll(".marker")];
    this.#peaks = picture ? peaks(picture, 600) : null;
    this.aborter = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.aborter.signal });
    this.range.max = player.duration;
    this.range.step = 0.1;
    on(this.range, "input", () => player.seek(Number(this.range.value)));
    this.markers.forEach((marker, i) => {
      on(marker, "keydown", (event) => this.#key(event, i));
      on(marker, "pointerdown", (event) => this.#grab(event, i));
    });
    on(root.querySelector(".from-here"), "click", () => this.begin());
    on(root.querySelector(".to-here"), "click", () => this.end());
    on(root.querySelector(".whole"), "click", () => this.whole());
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#draw());
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.canvas);
    this.#showLoop();
    this.#tick();
  }

  close() {
    this.aborter.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  // Start the loop at the current position, end it there, or loop the whole excerpt.
  begin() {
    this.#move(0, this.#player.position);
  }

  end() {
    this.#move(1, this.#player.position);
  }

  whole() {
    this.#player.setLoop([0, this.#player.duration]);
    this.#showLoop();
  }

  seekBy(seconds) {
    const [first, last] = this.#player.loop;
    this.#player.seek(Math.min(Math.max(this.#player.position + seconds, first), last - 0.1));
  }

  #move(which, seconds) {
    const { duration, loop } = this.#player;
    const room = Math.min(duration, SHORTEST_S);
    const [first, last] = loop;
    if (which === 0) this.#player.setLoop([Math.min(Math.max(0, seconds), last - room), last]);
    else this.#player.setLoop([first, Math.max(Math.min(duration, seconds), first + room)]);
    this.#showLoop();
  }

  #key(event, which) {
    const { duration, loop } = this.#player;
    const step = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (step) this.#move(which, loop[which] + step);
    else if (event.key === "Home") this.#move(which, 0);
    else if (event.key === "End") this.#move(which, duration);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The sound goes on while a marker is dragged; the loop changes when the marker is released.
  #grab(event, which) {
    const marker = event.currentTarget;
    marker.setPointerCapture(event.pointerId);
    event.preventDefault();
    marker.focus();
    const box = this.canvas.getBoundingClientRect();
    let share = null;
    const drag = (e) => {
      share = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
      marker.style.left = `${100 * share}%`;
    };
    const drop = () => {
      marker.removeEventListener("pointermove", drag);
      if (share !== null) this.#move(which, share * this.#player.duration);
    };
    marker.addEventListener("pointermove", drag);
    marker.addEventListener("lostpointercapture", drop, { once: true });
  }

  #showLoop() {
    const { loop, duration } = this.#player;
    this.markers.forEach((marker, i) => {
      marker.style.left = `${(100 * loop[i]) / duration}%`;
      const seconds = loop[i].toFixed(1);
      marker.setAttribute("aria-valuemax", duration.toFixed(1));
      marker.setAttribute("aria-valuenow", seconds);
      marker.setAttribute("aria-valuetext", say("seconds", { seconds }));
    });
    this.root.querySelector(".whole").hidden = loop[1] - loop[0] === duration;
    this.#draw();
  }

  #tick = () => {
    const { position, duration } = this.#player;
    this.root.style.setProperty("--at", `${(100 * position) / duration}%`);
    const seconds = say("seconds", { seconds: position.toFixed(1) });
    const clock = this.root.querySelector(".clock");
    if (clock.textContent !== seconds) clock.textContent = seconds;
    if (document.activeElement !== this.range || !this.#player.playing) this.range.value = position;
    this.range.setAttribute("aria-valuetext", seconds);
    this.frame = requestAnimationFrame(this.#tick);
  };

  #draw() {
    const { canvas } = this;
    const style = getComputedStyle(this.root);
    const scale = devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    const pen = canvas.getContext("2d");
    const { loop, duration } = this.#player;
    const [first, last] = loop.map((seconds) => (seconds / duration) * canvas.width);
    pen.fillStyle = style.getPropertyValue("--mark");
    pen.fillRect(first, 0, last - first, canvas.height);
    pen.fillStyle = style.getPropertyValue("--soft");
    if (!this.#peaks) {
      pen.fillRect(0, canvas.height / 2 - scale, canvas.width, 2 * scale);
      return;
    }
    const width = canvas.width / this.#peaks.length;
    this.#peaks.forEach((peak, i) => {
      const height = Math.max(scale, peak * canvas.height * 0.92);
      pen.fillRect(i * width, (canvas.height - height) / 2, Math.max(width - 0.4 * scale, 0.6 * width), height);
    });
  }
}

// The peak of each of n equal parts, relative to the peak of all.
function peaks(buffer, n) {
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c));
  const size = buffer.length / n;
  const found = Array.from({ length: n }, (_, i) => {
    let most = 0;
    for (const samples of channels) {
      for (let k = Math.floor(i * size); k < (i + 1) * size && k < samples.length; k++) most = Math.max(most, Math.abs(samples[k]));
    }
    return most;
  });
  const all = Math.max(...found) || 1;
  return found.map((peak) => peak / all);
}
