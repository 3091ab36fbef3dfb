"use strict";
// Draw the frames of every system over time: a waveform, one strip per quantity, and a cursor through all of
// them. The article dispatches "moved" when the position changes and "chosen" when a system is selected.

const SVG = "http://www.w3.org/2000/svg";
const WAVE_HEIGHT = 44, STRIP_HEIGHT = 110, GAP = 26, LEFT = 44, RIGHT = 14;
const FAR = 100; // dB; values beyond it are only rounding errors of the arithmetic

function draw(name, attributes, parent, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

function spoken(value) { return value.toFixed(2).replace("-", "−"); }

class CurvesView {
  constructor(root) {
    this.root = root;
    this.values = JSON.parse(root.querySelector(".values").textContent);
    this.track = root.closest("article");
    this.track.time ??= 0;
    this.box = root.closest("details");
    this.player = this.box.querySelector(".player")?.player;
    this.plot = document.createElement("div");
    this.plot.className = "strips";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "slider");
    this.plot.setAttribute("aria-label", `Moment of ${root.dataset.label}`);
    this.plot.setAttribute("aria-valuemin", "0");
    this.plot.setAttribute("aria-valuemax", String(this.values.duration_s));
    this.readout = document.createElement("table");
    this.readout.className = "now";
    root.prepend(this.plot);
    root.append(this.wrapped(this.readout));
    root.curves = this;
    this.plot.addEventListener("click", (event) => this.choose(this.timeAt(event), true));
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.track.addEventListener("moved", () => this.show());
    this.track.addEventListener("chosen", (event) => this.emphasise(event.detail));
    this.box.addEventListener("toggle", () => this.render());
    for (const button of root.querySelectorAll(".legend button")) {
      button.addEventListener("click", () => {
        const name = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.system;
        this.track.dispatchEvent(new CustomEvent("chosen", { detail: name }));
      });
    }
    // Also fires once when observation starts, which draws a section that is open from the beginning.
    new ResizeObserver(() => this.render()).observe(this.plot);
  }

  wrapped(table) {
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `Values of ${this.root.dataset.label} at the chosen moment`);
    scroll.append(table);
    return scroll;
  }

  // Draw once the section is open and has a width; again only when the width changes.
  render() {
    const width = this.plot.clientWidth;
    if (!this.box.open || !width || width === this.width) return;
    this.width = width;
    const { wave, strips } = this.values;
    const top = wave.length ? WAVE_HEIGHT + 6 : 0;
    const height = top + strips.length * (STRIP_HEIGHT + GAP);
    this.plot.textContent = "";
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" }, this.plot);
    if (this.player) this.shade(svg, height);
    if (wave.length) this.waveform(svg, wave);
    strips.forEach((strip, i) => this.strip(svg, strip, top + i * (STRIP_HEIGHT + GAP)));
    this.cursor = draw("line", { class: "cursor", y1: 0, y2: height }, svg);
    this.emphasise(this.emphasised ?? this.first());
  }

  // Emphasise the system that the player has selected, or the leading system where there is no player.
  first() {
    const chosen = this.player ? this.player.current : this.root.querySelector(".legend button");
    return chosen?.dataset.system ?? "";
  }

  x(seconds) { return LEFT + ((this.width - LEFT - RIGHT) * seconds) / this.values.duration_s; }

  // Mark the part of the track that has audio.
  shade(svg, height) {
    const { start, duration } = this.player;
    draw("rect", { class: "heard", x: this.x(start), width: this.x(start + duration) - this.x(start), y: 0, height }, svg);
  }

  waveform(svg, wave) {
    const middle = WAVE_HEIGHT / 2, step = this.values.duration_s / wave.length;
    const side = (sign) => wave.map((w, i) => `${this.x((i + 0.5) * step).toFixed(1)} ${(middle - sign * w * middle).toFixed(1)}`);
    draw("path", { class: "wave", d: `M${[...side(1), ...side(-1).reverse()].join("L")}Z` }, svg);
  }

  strip(svg, strip, top) {
    const values = strip.lines.flatMap((line) => line.score).filter((v) => v !== null).sort((a, b) => a - b);
    // The axis spans the 1st to the 99th percentile of values within ±FAR: a few extreme frames must not
    // flatten all others. Values outside are drawn along the edge.
    const finite = values.filter((v) => Math.abs(v) <= FAR);
    const shown = finite.length ? finite : values;
    const at = (share) => shown[Math.round(share * (shown.length - 1))];
    let low = at(0.01), high = at(0.99);
    if (low === high) { low -= 1; high += 1; }
    const y = (v) => top + 18 + (STRIP_HEIGHT - 18) * (1 - (Math.max(low, Math.min(v, high)) - low) / (high - low));
    draw("text", { class: "title", x: LEFT, y: top + 11 }, svg, strip.unit ? `${strip.label} [${strip.unit}]` : strip.label);
    for (const tick of ticks(low, high)) {
      draw("line", { class: "rule", x1: LEFT, x2: this.width - RIGHT, y1: y(tick), y2: y(tick) }, svg);
      draw("text", { class: "tick", x: LEFT - 6, y: y(tick) + 4 }, svg, String(tick).replace("-", "−"));
    }
    for (const line of strip.lines) {
      const { start, duration } = this.values.grids[line.grid];
      let path = "", pen = "M";
      line.score.forEach((score, i) => {
        if (score === null) { pen = "M"; return; } // a gap: no value there
        // Frames may overlap; each is drawn until the next one begins.
        const end = Math.min(start[i] + duration[i], start[i + 1] ?? Infinity);
        path += `${pen}${this.x(start[i]).toFixed(1)} ${y(score).toFixed(1)}H${this.x(end).toFixed(1)}`;
        pen = "L";
      });
      draw("path", { class: `line line-${line.line % 16}`, d: path, "data-system": line.system }, svg);
    }
    if (top + STRIP_HEIGHT + GAP >= svg.getAttribute("height") - 1) this.seconds(svg, top + STRIP_HEIGHT + 16);
  }

  seconds(svg, y) {
    for (const tick of ticks(0, this.values.duration_s, this.width / 90)) {
      draw("text", { class: "tick second", x: this.x(tick), y }, svg, `${tick} s`);
    }
  }

  timeAt(event) {
    const x = event.clientX - this.plot.getBoundingClientRect().left - LEFT;
    return (x / (this.width - LEFT - RIGHT)) * this.values.duration_s;
  }

  // Move to a moment; play it where the player has audio, otherwise only move the cursor.
  choose(seconds, play) {
    const time = Math.max(0, Math.min(seconds, this.values.duration_s));
    if (this.player) this.player.goToTime(time, play);
    else {
      this.track.time = time;
      this.track.dispatchEvent(new CustomEvent("moved"));
    }
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (step) this.choose(this.neighbour(step), false);
    else if (event.key === "Home") this.choose(0, false);
    else if (event.key === "End") this.choose(this.values.duration_s, false);
    else if ((event.key === " " || event.key === "Enter") && this.player) {
      if (this.player.sounding) this.player.pause();
      else this.choose(this.track.time, true);
    } else return;
    event.preventDefault();
  }

  neighbour(step) {
    const grid = this.values.grids[this.values.strips[0].lines[0].grid];
    return grid.start[Math.max(0, Math.min(this.frame(grid) + step, grid.start.length - 1))];
  }

  frame(grid) {
    let last = 0; // the last frame that has begun; 1e-6 s absorbs the rounding of the start times
    grid.start.forEach((s, i) => { if (s <= this.track.time + 1e-6) last = i; });
    return last;
  }

  show() {
    if (!this.cursor || !this.box.open) return;
    const at = this.x(this.track.time);
    this.cursor.setAttribute("x1", at);
    this.cursor.setAttribute("x2", at);
    const values = this.now();
    this.plot.setAttribute("aria-valuenow", this.track.time.toFixed(1));
    const announced = this.emphasised ? [[this.emphasised, values.get(this.emphasised) ?? []]] : [...values].slice(0, 3);
    const { label } = this.values.strips[0];
    this.plot.setAttribute("aria-valuetext", `${this.track.time.toFixed(1)} seconds; ${label}: `
      + announced.map(([name, row]) => `${name} ${row[0] ?? "no value"}`).join(", "));
    this.table(values);
  }

  // Map each system to the printed values of all quantities at this moment.
  now() {
    const values = new Map();
    this.values.strips.forEach((strip, i) => {
      for (const line of strip.lines) {
        const value = line.score[this.frame(this.values.grids[line.grid])];
        if (!values.has(line.system)) values.set(line.system, []);
        values.get(line.system)[i] = value === null ? "–" : spoken(value);
      }
    });
    return values;
  }

  // While audio plays, "moved" is dispatched on every animation frame: rebuild the table only if its text changes.
  table(values) {
    const key = JSON.stringify([...values]) + this.track.time.toFixed(1);
    if (key === this.shown) return;
    this.shown = key;
    const row = (parent, cells, tag) => {
      const tr = parent.insertRow();
      cells.forEach((text, i) => {
        const cell = document.createElement(i ? tag : "th");
        cell.textContent = text ?? "–";
        if (tag === "th") cell.scope = "col"; else if (!i) cell.scope = "row";
        tr.append(cell);
      });
      return tr;
    };
    this.readout.textContent = "";
    const head = this.readout.createTHead(), body = this.readout.createTBody();
    row(head, [`at ${this.track.time.toFixed(1)} s`, ...this.values.strips.map((s) => s.label)], "th");
    for (const [system, cells] of values) {
      const tr = row(body, [system, ...this.values.strips.map((_, i) => cells[i])], "td");
      tr.classList.toggle("chosen", system === this.emphasised);
    }
  }

  emphasise(system) {
    this.emphasised = system;
    this.plot.classList.toggle("emphasised", [...this.plot.querySelectorAll(".line")].some((l) => l.dataset.system === system));
    for (const line of this.plot.querySelectorAll(".line")) line.classList.toggle("chosen", line.dataset.system === system);
    for (const button of this.root.querySelectorAll(".legend button")) {
      button.setAttribute("aria-pressed", String(button.dataset.system === system));
    }
    this.shown = "";
    this.show();
  }
}

// Round tick values (1, 2 or 5 times a power of ten), about `most` of them.
function ticks(low, high, most = 4) {
  const raw = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9; i++) values.push(Number((i * step).toPrecision(6)));
  return values;
}

document.querySelectorAll(".curves").forEach((root) => new CurvesView(root));

// An address such as #view-4-stems-vocals@12.5 opens that target at 12.5 s; the page of worst frames links there.
function goToHash() {
  const [id, seconds] = decodeURIComponent(location.hash.slice(1)).split("@");
  const box = document.getElementById(id);
  if (!box?.classList.contains("view")) return;
  for (const other of document.querySelectorAll(".view")) other.open = other === box;
  const { curves } = box.querySelector(".curves");
  curves.render();
  if (seconds) curves.choose(Number(seconds), false);
  box.scrollIntoView();
}
addEventListener("hashchange", goToHash);
goToHash();
