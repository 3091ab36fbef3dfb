"use strict";
// Two small things: tables that sort, and players that switch signals at one position.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = head.querySelector(".sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => compare(key(a, column), key(b, column)));
      if (descending) rows.reverse();
      body.append(...rows);
    });
  });
}

function key(row, column) {
  const text = row.cells[column].dataset.sort;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b));
}

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
    this.position = 0;
    this.button.addEventListener("click", () => this.toggle());
    this.seek.addEventListener("input", () => this.goTo((this.seek.value / 1000) * this.duration()));
    this.signals.forEach((s) => s.addEventListener("click", () => this.choose(s)));
    root.addEventListener("keydown", (event) => this.key(event));
    root.player = this;
  }

  element(signal) {
    if (!this.audio.has(signal)) {
      const audio = new Audio();
      audio.preload = "auto";
      audio.src = signal.dataset.src;
      audio.addEventListener("ended", () => this.ended(signal));
      audio.addEventListener("error", () => { this.clock.textContent = "not found"; });
      this.audio.set(signal, audio);
    }
    return this.audio.get(signal);
  }

  duration() {
    const d = this.element(this.current).duration;
    return Number.isFinite(d) ? d : 0;
  }

  get sounding() { return !this.element(this.current).paused; }

  toggle() { if (this.sounding) this.pause(); else this.play(); }

  play() {
    if (playing && playing !== this) playing.pause();
    playing = this;
    const audio = this.element(this.current);
    if (Math.abs(audio.currentTime - this.position) > 0.01) audio.currentTime = this.position;
    audio.play().catch(() => { this.clock.textContent = "cannot play"; });
    this.button.textContent = "Pause";
    this.tick();
  }

  pause() {
    const audio = this.element(this.current);
    this.position = audio.currentTime;
    audio.pause();
    this.button.textContent = "Play";
    this.show();
  }

  choose(signal) {
    const was = this.sounding;
    if (was) this.position = this.element(this.current).currentTime;
    if (signal !== this.current) {
      this.element(this.current).pause();
      this.current = signal;
      this.signals.forEach((s) => {
        s.setAttribute("aria-checked", String(s === signal));
        s.tabIndex = s === signal ? 0 : -1;
      });
    }
    signal.focus();
    this.play();
  }

  goTo(seconds) {
    this.position = Math.max(0, Math.min(seconds, this.duration()));
    this.element(this.current).currentTime = this.position;
    this.show();
  }

  ended(signal) {
    if (signal !== this.current) return;
    this.position = 0;
    this.element(signal).currentTime = 0;
    this.button.textContent = "Play";
    this.show();
  }

  tick() {
    if (!this.sounding) return;
    this.position = this.element(this.current).currentTime;
    this.show();
    requestAnimationFrame(() => this.tick());
  }

  show() {
    const share = this.duration() ? this.position / this.duration() : 0;
    this.seek.value = Math.round(1000 * share);
    this.current.style.setProperty("--at", `${100 * share}%`);
    const minutes = Math.floor(this.position / 60);
    this.clock.textContent = `${minutes}:${(this.position % 60).toFixed(1).padStart(4, "0")}`;
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const onSignal = event.target.classList.contains("signal");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === " " && event.target !== this.button) this.toggle();
    else if (step && event.target !== this.seek) {
      const at = this.signals.indexOf(this.current) + step;
      this.choose(this.signals[(at + this.signals.length) % this.signals.length]);
    } else if (move && onSignal) this.goTo(this.position + move);
    else return;
    event.preventDefault();
  }
}

document.querySelectorAll(".player").forEach((root) => new Player(root));
