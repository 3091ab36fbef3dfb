// Six sounds, each heard once; an answer to each before the form goes off.

import { openContext } from "./player.js";
import { load } from "./sounds.js";
import { say } from "./words.js";

const RATE_HZ = 44100;
const form = document.getElementById("headphones");
const trouble = form.querySelector(".trouble");
const buttons = [...form.querySelectorAll("button.play")];
let busy = false;

async function hear(button) {
  const context = openContext(RATE_HZ);
  await context.resume();
  const [buffer] = await load([button.dataset.sound], context.sampleRate);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  await new Promise((resolve) => { source.onended = resolve; });
}

function show(button, key) {
  button.textContent = say(key, { number: button.dataset.number });
}

buttons.forEach((button) => button.addEventListener("click", async () => {
  if (busy || button.dataset.done) return;
  busy = true;
  trouble.textContent = "";
  show(button, "headphones_playing");
  button.setAttribute("aria-disabled", "true");
  try {
    await hear(button);
    button.dataset.done = "yes";
    show(button, "headphones_played");
  } catch {
    button.removeAttribute("aria-disabled");
    show(button, "headphones_play");
    trouble.textContent = say("sound_failed");
  }
  busy = false;
}));

buttons.forEach((button) => { button.disabled = false; }); // enabled only now: before the script ran, a click would have done nothing

form.addEventListener("submit", (event) => {
  const open = buttons.filter((button) => !button.closest("fieldset").querySelector(":checked"));
  if (!open.length) return;
  event.preventDefault();
  const numbers = open.map((button) => button.dataset.number).join(", ");
  trouble.textContent = say("headphones_missing", { numbers });
  open[0].focus();
});
