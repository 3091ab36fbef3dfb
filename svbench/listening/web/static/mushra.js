// Sliders, one for each stimulus. Only the slider of the stimulus that plays can be moved; the others say why not.

import { say } from "./words.js";

const BANDS = ["bad", "poor", "fair", "good", "excellent"];
const MOVES = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"];

export class Mushra {
  #slots;
  #tell;
  #active = null; // the slot that can be rated

  // `tell` has play(slot), rated(slot, settled) and explain(sentence).
  constructor(root, slots, { low, high }, tell) {
    this.#slots = slots;
    this.#tell = tell;
    this.range = { low, high };
    const model = document.getElementById("slot");
    this.parts = new Map(slots.map((slot) => [slot, this.#build(slot, model.content.cloneNode(true).firstElementChild)]));
    root.querySelector(".slots").replaceChildren(...[...this.parts.values()].map((part) => part.box));
    root.style.setProperty("--slots", slots.length);
    slots.forEach((slot) => this.show(slot));
  }

  // The stimulus that is heard now, or null.
  playing(active) {
    this.#active = active;
    for (const [slot, { box, button, slider }] of this.parts) {
      box.classList.toggle("active", slot === active);
      button.setAttribute("aria-pressed", String(slot === active));
      slider.setAttribute("aria-disabled", String(slot !== active));
    }
  }

  show(slot) {
    const { slider, value, box } = this.parts.get(slot);
    const rated = slot.rating !== null;
    slider.classList.toggle("unset", !rated);
    box.classList.toggle("heard", slot.heard);
    if (!rated) slider.value = (this.range.low + this.range.high) / 2;
    else if (Number(slider.value) !== slot.rating) slider.value = slot.rating;
    const number = rated ? String(Math.round(slot.rating)) : "";
    const band = rated ? say(`band_${this.#band(slot.rating)}`) : say("not_rated");
    value.querySelector(".number").textContent = number;
    value.querySelector(".band").textContent = band;
    slider.setAttribute("aria-valuetext", (rated ? `${number}, ${band}` : band).replaceAll("\u00AD", ""));
  }

  focus(slot) {
    const { button, slider } = this.parts.get(slot);
    (slot === this.#active ? slider : button).focus();
  }

  focusSlider(slot) {
    this.parts.get(slot).slider.focus();
  }

  #build(slot, box) {
    const [button, slider, value] = [".play", "input", ".value"].map((name) => box.querySelector(name));
    const { name } = slot;
    box.setAttribute("aria-label", say("stimulus", { name }));
    button.setAttribute("aria-label", say("play_stimulus", { name }));
    button.querySelector(".name").textContent = name;
    slider.setAttribute("aria-label", say("rating_of", { name }));
    Object.assign(slider, { min: this.range.low, max: this.range.high });
    button.addEventListener("click", () => this.#tell.play(slot));
    const refuse = () => this.#tell.explain(say("only_playing", { name }));
    box.querySelector(".rail").addEventListener("pointerdown", () => {
      if (slot !== this.#active) refuse();
    });
    slider.addEventListener("keydown", (event) => {
      if (slot === this.#active) {
        if (event.key === "Enter" && slot.rating === null) this.#rate(slot, true);
      } else if (MOVES.includes(event.key)) {
        event.preventDefault();
        refuse();
      }
    });
    slider.addEventListener("input", () => {
      if (slot === this.#active) this.#rate(slot, false);
      else {
        this.show(slot); // moved by an assistive technology: put it back
        refuse();
      }
    });
    slider.addEventListener("change", () => slot === this.#active && this.#rate(slot, true));
    // A press in the very middle moves nothing, and is a rating all the same.
    slider.addEventListener("pointerup", () => slot === this.#active && slot.rating === null && this.#rate(slot, true));
    return { box, button, slider, value };
  }

  #rate(slot, settled) {
    slot.rating = Number(this.parts.get(slot).slider.value);
    this.show(slot);
    this.#tell.rated(slot, settled);
  }

  #band(rating) {
    const share = (rating - this.range.low) / (this.range.high - this.range.low);
    return BANDS[Math.min(BANDS.length - 1, Math.floor(share * BANDS.length))];
  }
}
