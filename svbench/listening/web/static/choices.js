// Answers to choose from: A or B, X, or one of five grades; open once everything has been heard.

import { say } from "./words.js";

export class Choices {
  #tell;
  #open = false;

  // `rated` is the slot that the answer is a rating of; `tell` is as for Mushra.
  constructor(root, slots, rated, tell) {
    this.#tell = tell;
    this.rated = rated;
    this.radios = [...root.querySelectorAll("input[type=radio]")];
    this.aborter = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.aborter.signal });
    this.buttons = new Map(slots.map((slot) => [slot, this.#button(slot)]));
    root.querySelector(".sounds").replaceChildren(...this.buttons.values());
    for (const radio of this.radios) {
      on(radio, "click", (event) => this.#refuse(event));
      on(radio, "change", () => this.#choose(radio));
    }
    this.show(rated);
  }

  playing(active) {
    for (const [slot, button] of this.buttons) button.setAttribute("aria-pressed", String(slot === active));
  }

  // Whether answers are taken.
  open(open) {
    this.#open = open;
    this.radios.forEach((radio) => radio.setAttribute("aria-disabled", String(!open)));
  }

  show(slot) {
    this.buttons.get(slot).classList.toggle("heard", slot.heard);
    if (slot !== this.rated) return;
    this.radios.forEach((radio) => { radio.checked = Number(radio.value) === slot.rating; });
  }

  focus(slot) {
    if (slot === this.rated && slot.heard && slot.rating === null) this.radios[0].focus();
    else this.buttons.get(slot).focus();
  }

  close() {
    this.aborter.abort();
  }

  #button(slot) {
    const button = document.getElementById("sound").content.cloneNode(true).firstElementChild;
    button.querySelector(".label").textContent = slot.name ? say("play_stimulus", { name: slot.name }) : say("play_sound");
    button.addEventListener("click", () => this.#tell.play(slot));
    return button;
  }

  // A click that is refused leaves the radio buttons as they were.
  #refuse(event) {
    if (this.#open) return;
    event.preventDefault();
    this.#tell.explain(say("hear_first"));
  }

  #choose(radio) {
    if (!this.#open) return;
    this.rated.rating = Number(radio.value);
    this.#tell.rated(this.rated, true);
  }
}
