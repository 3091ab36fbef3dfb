"use strict";
// Two small things: tables that sort, and players that switch signals at one position.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = head.querySelector(".sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const keys = [...table.tBodies[0].rows].map((row) => key(row, column));
      const first = keys.some((k) => typeof k === "number") ? "descending" : "ascending";
      const other = { ascending: "descending", descending: "ascending" };
      const order = other[head.getAttribute("aria-sort")] ?? first;
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      // Oracles are a body of their own: they never mix with the systems.
      for (const body of table.tBodies) body.append(...sorted([...body.rows], column, order));
    });
  });
}

function sorted(rows, column, order) {
  const sign = order === "ascending" ? 1 : -1;
  const known = rows.filter((row) => key(row, column) !== null);
  const unknown = rows.filter((row) => key(row, column) === null);
  known.sort((a, b) => sign * compare(key(a, column), key(b, column)));
  return [...known, ...unknown]; // what has no score comes last either way
}

function key(row, column) {
  const text = row.cells[column].dataset.sort;
  if (text === "") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

let playing = null; // one player sounds at a time

class Player {
  constructor(root) {
    this.root = root;
    this.signals = [...root.querySelectorAll(".signal")];
    this.button = root.querySelector(".play");
    this.seek = root.querySelector(".seek");
    this.clock = root.querySelector(".clock");
    this.audio = new Map(); // signal button -> audio element, made when first heard
    this.current = this.signals[0];
    this.duration = Number(root.dataset.duration);
    this.trouble = root.querySelector(".trouble");
    this.does = this.button.querySelector(".does");
    this.track = root.closest("article"); // its targets share one position
    this.track.position ??= 0;
    this.button.addEventListener("click", () => this.toggle());
    this.seek.addEventListener("input", () => this.goTo((this.seek.value / 1000) * this.duration));
    this.signals.forEach((s) => s.addEventListener("click", () => this.choose(s)));
    root.addEventListener("keydown", (event) => this.key(event));
    // Some browsers click a button when the space bar comes up again.
    root.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target !== this.button) event.preventDefault();
    });
    root.closest("details").addEventListener("toggle", () => this.show());
    root.player = this;
  }

  element(signal) {
    if (!this.audio.has(signal)) {
      const audio = new Audio();
      audio.preload = "auto";
      audio.src = signal.dataset.src;
      audio.addEventListener("ended", () => this.ended(signal));
      audio.addEventListener("error", () => this.fail(`${signal.dataset.src} cannot be played.`));
      this.audio.set(signal, audio);
    }
    return this.audio.get(signal);
  }

  get position() { return this.track.position; }

  set position(seconds) { this.track.position = seconds; }

  get sounding() { return this.audio.has(this.current) && !this.element(this.current).paused; }

  toggle() { if (this.sounding) this.pause(); else this.play(); }

  play() {
    if (playing && playing !== this) playing.pause();
    playing = this;
    const audio = this.element(this.current);
    if (Math.abs(audio.currentTime - this.position) > 0.01) audio.currentTime = this.position;
    this.trouble.textContent = "";
    // Switching before the sound has begun ends its promise; only a refusal is a trouble.
    audio.play().catch((error) => { if (error.name !== "AbortError") this.fail("The browser cannot play this."); });
    this.does.textContent = "Pause";
    this.tick();
  }

  pause() {
    const audio = this.element(this.current);
    this.position = audio.currentTime;
    audio.pause();
    this.does.textContent = "Play";
    this.show();
  }

  choose(signal) {
    const was = this.sounding;
    if (was) this.position = this.element(this.current).currentTime;
    if (signal !== this.current) {
      if (was) this.element(this.current).pause();
      this.current = signal;
      this.signals.forEach((s) => {
        s.setAttribute("aria-checked", String(s === signal));
        s.tabIndex = s === signal ? 0 : -1;
      });
    }
    signal.focus();
    this.play();
  }

  fail(sentence) {
    this.trouble.textContent = sentence;
    this.does.textContent = "Play";
  }

  goTo(seconds) {
    this.position = Math.max(0, Math.min(seconds, this.duration));
    this.element(this.current).currentTime = this.position;
    this.show();
  }

  ended(signal) {
    if (signal !== this.current) return;
    this.position = 0;
    this.element(signal).currentTime = 0;
    this.does.textContent = "Play";
    this.show();
  }

  tick() {
    if (!this.sounding) return;
    this.position = this.element(this.current).currentTime;
    this.show();
    requestAnimationFrame(() => this.tick());
  }

  show() {
    const share = Math.min(this.position / this.duration, 1);
    this.seek.value = Math.round(1000 * share);
    this.current.style.setProperty("--at", `${100 * share}%`);
    const minutes = Math.floor(this.position / 60);
    this.clock.textContent = `${minutes}:${(this.position % 60).toFixed(1).padStart(4, "0")}`;
    this.seek.setAttribute("aria-valuetext", this.clock.textContent);
  }

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

document.querySelectorAll(".player").forEach((root) => new Player(root));
