// Plays a sound in a loop while the listener sets the volume of the device.

import { Player } from "./player.js";
import { load } from "./sounds.js";
import { say } from "./words.js";

const RATE_HZ = 44100;
const form = document.getElementById("volume");
const trouble = form.querySelector(".trouble");
const button = document.getElementById("play");
const addresses = [button.dataset.sound];
let player = null;
let heard = false;

button.addEventListener("click", async () => {
  try {
    if (!player) {
      player = new Player(await load(addresses, RATE_HZ), (rate) => load(addresses, rate));
      player.addEventListener("change", show);
    }
    if (player.playing) player.pause();
    else await player.play(0);
    heard = true;
    trouble.textContent = "";
  } catch {
    trouble.textContent = say("sound_failed");
  }
});

button.disabled = false; // enabled only now: before the script ran, a click would have done nothing

function show() {
  button.textContent = say(player.playing ? "volume_stop" : "volume_play");
}

form.addEventListener("submit", (event) => {
  if (heard) return;
  event.preventDefault();
  trouble.textContent = say("volume_first");
  button.focus();
});
