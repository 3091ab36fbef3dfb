// Keyboard shortcuts of single keys, and the dialog that lists them. They can be switched off, because they
// disturb speech input.
//
// Digits are recognised by their place on the keyboard (French keyboards need Shift for digits), letters by
// what they print. Keys pressed together with Ctrl, Alt or Meta, and keys that a field or a button uses
// itself, are left alone.

const DIGITS = [..."1234567890"].map((digit) => `Digit${digit}`).concat("Minus", "Equal");
const STORE = "svbench-keys";

export class Keys {
  #actions;

  // `actions`: by letter, and `digit(i)`, `space()`.
  constructor(dialog, opener, actions) {
    this.#actions = { ...actions, "?": () => dialog.showModal() };
    this.dialog = dialog;
    this.box = dialog.querySelector("input");
    this.box.checked = remembered() !== "off";
    this.box.addEventListener("change", () => remember(this.box.checked ? "on" : "off"));
    opener.addEventListener("click", () => dialog.showModal());
    dialog.querySelector("button").addEventListener("click", () => dialog.close());
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    const { target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || this.dialog.open || !this.box.checked) return;
    if (target.matches("input:not([type=range], [type=radio], [type=checkbox]), select, textarea")) return;
    const digit = DIGITS.indexOf(event.code.replace("Numpad", "Digit"));
    const letter = /^[a-z?]$/i.test(event.key) ? event.key.toLowerCase() : event.code.replace(/^Key/, "").toLowerCase();
    if (digit >= 0) {
      if (!event.repeat) this.#actions.digit(digit);
    } else if (event.key === " ") {
      if (target.matches("button, a, summary, [type=radio], [type=checkbox]")) return;
      if (!event.repeat) this.#actions.space();
    } else if (Object.hasOwn(this.#actions, letter) && letter.length === 1) {
      this.#actions[letter]();
    } else return;
    event.preventDefault();
  }
}

// Storage may be forbidden; then the shortcuts are on.
function remembered() {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(STORE, value);
  } catch {
    // Then the choice holds for this page only.
  }
}
