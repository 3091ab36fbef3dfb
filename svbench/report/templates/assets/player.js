"use strict";
// Players that switch between signals at one position. All players of an article share its position. The article
// dispatches "moved" when the position changes and "chosen" when a signal is selected.
//
// curves.js, spectrograms.js and playlist.js look up `element.player`, so this script must run before them: pages
// list it first, and deferred scripts run in that order.

let playing = null; // the only player that may be audible

class Player {
  constructor(root) {
    this.root = root;
    this.signals = [...root.querySelectorAll(".signal")];
    this.button = root.querySelector(".play");
    this.seek = root.querySelector(".seek");
    this.clock = root.querySelector(".clock");
    this.audio = new Map(); // signal button -> audio element, created when the player first plays
    this.current = this.signals[0];
    this.start = Number(root.dataset.start); // where in the track the excerpt begins, in seconds
    this.duration = Number(root.dataset.duration); // of the excerpt, in seconds
    this.trouble = root.querySelector(".trouble");
    this.does = this.button.querySelector(".does");
    this.track = root.closest("article"); // the players of all targets of a track share one position
    this.track.position ??= 0;
    this.track.time ??= this.start;
    this.button.addEventListener("click", () => this.toggle());
    this.seek.addEventListener("input", () => this.goTo((this.seek.value / 1000) * this.duration));
    this.signals.forEach((s) => s.addEventListener("click", () => this.choose(s)));
    root.addEventListener("keydown", (event) => this.key(event));
    // Some browsers click a focused button when the space bar is released, although keydown was prevented.
    root.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target !== this.button) event.preventDefault();
    });
    this.track.addEventListener("moved", () => this.show());
    root.player = this;
  }

  element(signal) {
    if (!this.audio.has(signal)) {
      const audio = new Audio();
      audio.preload = "auto";
      audio.preservesPitch = false; // align() changes the speed; stretching in time would distort the sound
      audio.src = signal.dataset.src;
      audio.addEventListener("ended", () => this.ended(signal));
      audio.addEventListener("error", () => {
        if (signal === this.current) this.fail(`${signal.dataset.src} cannot be played.`);
      });
      this.audio.set(signal, audio);
    }
    return this.audio.get(signal);
  }

  get position() { return this.track.position; }

  set position(seconds) {
    this.track.position = seconds;
    this.track.time = this.start + seconds;
    this.track.dispatchEvent(new CustomEvent("moved"));
  }

  get sounding() { return this.audio.has(this.current) && !this.element(this.current).paused; }

  toggle() { if (this.sounding) this.pause(); else this.play(); }

  // All signals run at once and all but one are muted, so that switching has neither a gap nor a jump.
  play() {
    if (playing && playing !== this) playing.release();
    playing = this;
    this.trouble.textContent = "";
    this.signals.forEach((signal) => {
      const audio = this.element(signal);
      audio.muted = signal !== this.current;
      // A seek delays the start, so only seek where the signal is not already at the position.
      if (Math.abs(audio.currentTime - this.position) > 0.01) audio.currentTime = this.position;
      audio.play().catch((error) => {
        // Pausing before playback has started rejects the promise with AbortError, which is not a failure.
        if (signal === this.current && error.name !== "AbortError") this.fail("The browser cannot play this.");
      });
    });
    this.does.textContent = "Pause";
    this.tick();
  }

  // The audible signal determines the position: the muted ones may be some milliseconds off.
  pause() {
    this.position = this.element(this.current).currentTime;
    this.stop();
  }

  stop() {
    this.audio.forEach((audio) => audio.pause());
    this.does.textContent = "Play";
  }

  // Browsers limit the number of open media elements (to a few dozen), so free them when another player starts.
  // Removing src and calling load() closes the file at once instead of at the next garbage collection.
  release() {
    this.pause();
    this.audio.forEach((audio) => { audio.removeAttribute("src"); audio.load(); });
    this.audio.clear();
  }

  choose(signal) {
    if (signal !== this.current) {
      const was = this.element(this.current);
      const audio = this.element(signal);
      // align() may have changed the speed of the signal while it was muted. Unmute before muting the other one:
      // a short overlap is less audible than a gap.
      audio.playbackRate = 1;
      audio.muted = false;
      was.muted = true;
      this.current = signal;
      this.signals.forEach((s) => {
        s.setAttribute("aria-checked", String(s === signal));
        s.tabIndex = s === signal ? 0 : -1;
      });
    }
    signal.focus();
    this.track.dispatchEvent(new CustomEvent("chosen", { detail: signal.dataset.system ?? "" }));
    if (!this.sounding) this.play();
    else if (this.element(signal).error) this.fail(`${signal.dataset.src} cannot be played.`);
  }

  // Keep the muted signals in step by adjusting their speed, which nobody hears. A seek takes about as long as the
  // lag that it removes, so only lags above 0.5 s are removed by seeking. The speed changes by 5 % for each 10 ms of
  // lag, at most 40 %; lags below 3 ms are left alone.
  align() {
    const now = this.element(this.current).currentTime;
    this.audio.forEach((audio, signal) => {
      if (signal === this.current || audio.seeking || audio.error) return;
      const behind = now - audio.currentTime;
      if (Math.abs(behind) > 0.5) audio.currentTime = now;
      const rate = Math.abs(behind) < 0.003 ? 1 : 1 + Math.max(-0.4, Math.min(5 * behind, 0.4));
      if (audio.playbackRate !== rate) audio.playbackRate = rate;
    });
  }

  fail(sentence) {
    this.stop();
    this.trouble.textContent = sentence;
  }

  goTo(seconds) {
    this.position = Math.max(0, Math.min(seconds, this.duration));
    this.audio.forEach((audio) => { audio.currentTime = this.position; });
  }

  // Move to a moment of the track, which may lie outside the excerpt.
  goToTime(seconds, play) {
    const inside = seconds >= this.start - 0.01 && seconds <= this.start + this.duration; // 0.01: rounding
    this.trouble.textContent = "";
    if (inside) {
      this.goTo(seconds - this.start);
      if (play) this.play();
      return;
    }
    if (this.sounding) this.pause();
    this.track.time = seconds;
    this.track.dispatchEvent(new CustomEvent("moved"));
    const range = `${this.start.toFixed(1)} to ${(this.start + this.duration).toFixed(1)} s`;
    if (play) this.trouble.textContent = `This moment is outside the excerpt, which is ${range}.`;
  }

  // Signals do not end at exactly the same time: only the end of the audible one rewinds the player.
  ended(signal) {
    if (signal !== this.current) return;
    this.stop();
    this.goTo(0);
  }

  tick() {
    if (!this.sounding) return;
    // Align before drawing: once currentTime has been read, browsers return the same value for the rest of the
    // task, and drawing takes long enough to make that value stale.
    this.align();
    this.position = this.element(this.current).currentTime;
    requestAnimationFrame(() => this.tick());
  }

  show() {
    const share = Math.min(this.position / this.duration, 1);
    this.seek.value = Math.round(1000 * share);
    this.current.style.setProperty("--at", `${100 * share}%`);
    const seconds = this.start + this.position;
    this.clock.textContent = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
    this.seek.setAttribute("aria-valuetext", this.clock.textContent);
  }

  // Keys: digits and up/down select a signal, left/right move by a second, space plays and pauses.
  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const onSignal = event.target.classList.contains("signal");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const number = this.signals[Number(event.key) - 1];
    if (number && event.key !== " ") this.choose(number);
    else if (event.key === " " && event.target !== this.button) this.toggle();
    else if (step && event.target !== this.seek) {
      const at = this.signals.indexOf(this.current) + step;
      this.choose(this.signals[(at + this.signals.length) % this.signals.length]);
    } else if (move && onSignal) this.goTo(this.position + move);
    else return;
    event.preventDefault();
  }
}

document.querySelectorAll(".player").forEach((root) => new Player(root).show());
