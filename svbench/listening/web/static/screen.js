// The rating screen: loads it, shows it, saves the ratings, and goes on to the next screen.

import { Choices } from "./choices.js";
import { Keys } from "./keys.js";
import { Mushra } from "./mushra.js";
import { Player } from "./player.js";
import { Saver } from "./saver.js";
import { ask, setToken, Unreachable } from "./server.js";
import { fetchAhead, FetchError, load } from "./sounds.js";
import { Wave } from "./wave.js";
import { say } from "./words.js";

const HEARD_S = 0.5; // a stimulus counts as heard after playing this long without a switch
const RETRY_S = [2, 5, 10, 20, 30];

const root = document.getElementById("screen");
const find = (name) => root.querySelector(name);
const method = root.dataset.method;
let shown = null;

setToken(root.dataset.csrf);

class Screen {
  #shownAt = performance.now();
  #hearing = 0;
  #leaving = false;

  constructor(data, buffers) {
    this.data = data;
    const names = method === "mushra" ? data.slots.map((_, i) => i + 1) : { ab: "AB", abx: "ABX" }[method] ?? [""];
    this.slots = data.slots.map((slot, i) => ({ ...slot, rating: slot.rating ?? null, name: names[i], seconds: 0 }));
    const addresses = addressesOf(data);
    this.reference = data.reference ? { token: "reference", heard: data.reference_heard, name: "" } : null;
    this.heard = this.reference ? [...this.slots, this.reference] : this.slots; // as buffers are
    this.player = new Player(buffers, (rate) => load(addresses, rate));
    this.player.addEventListener("change", () => this.#played());
    this.saver = new Saver(data.screen);
    this.saver.addEventListener("change", () => this.#showSaved());
    this.saver.addEventListener("taken", (event) => this.#taken(event.detail));
    this.saver.addEventListener("over", elsewhere);
    this.saver.addEventListener("refused", () => explain(say("refused")));
    this.wave = new Wave(find(".work"), this.player, this.reference ? buffers.at(-1) : null);
    const tell = {
      play: (slot) => this.toggle(this.slots.indexOf(slot)),
      rated: (slot, settled) => this.#rated(slot, settled),
      explain,
    };
    const rated = method === "abx" ? this.slots.at(-1) : this.slots[0];
    this.task = method === "mushra"
      ? new Mushra(find(".task"), this.slots, data, tell)
      : new Choices(find(".task"), this.slots, rated, tell);
    this.asked = method === "mushra" ? this.slots : [rated]; // what is to be rated
    find(".reference")?.classList.toggle("heard", this.reference.heard);
    this.#played();
    this.#showSaved();
  }

  close() {
    clearTimeout(this.#hearing);
    this.player.close();
    this.wave.close();
    this.saver.close();
    this.task.close?.();
  }

  play(index) {
    if (index < 0 || index >= this.heard.length) return;
    explain("");
    this.player.play(index).catch((error) => {
      if (!(error instanceof FetchError)) throw error;
      explain(say("sound_failed"));
    });
  }

  // Pressing the same button again pauses.
  toggle(index) {
    if (this.player.playing && this.player.current === index) this.player.pause();
    else this.play(index);
  }

  // What the digit keys do: play, and move the focus to the slider.
  choose(index) {
    if (index >= this.slots.length) return;
    this.play(index);
    if (method === "mushra") this.task.focusSlider(this.slots[index]);
  }

  playReference() {
    if (this.reference) this.play(this.slots.length);
  }

  pauseOrPlay() {
    if (this.player.playing) this.player.pause();
    else this.play(this.player.current ?? (this.reference ? this.slots.length : 0));
  }

  async next() {
    const missing = this.#missing();
    if (missing) return this.#say(missing);
    if (this.#leaving) return; // pressed twice
    this.#leaving = true;
    this.player.pause();
    if (!(await this.saver.settle())) return; // wait until the server has stored every rating
    const finish = () => ask("POST", "/api/done", { screen: this.data.screen });
    // Repeated until there is an answer. A repetition is harmless: the server answers what comes next.
    const { status, body } = await persist(finish, "server_failed");
    if (status === 409 && body?.missing) {
      for (const slot of this.heard) {
        if (body.missing.heard.includes(slot.token)) slot.heard = false;
        if (body.missing.rated.includes(slot.token)) slot.rating = null;
        if (slot !== this.reference) this.task.show(slot);
      }
      this.#leaving = false;
      this.#say(this.#missing());
    } else if (status >= 400) {
      elsewhere();
    } else if (body?.step === "screen") {
      await start();
      document.querySelector("h1").focus();
    } else {
      shown.close();
      location.replace("/");
    }
  }

  // Show what another tab has rated meanwhile, unless this one has ratings of its own to send.
  async refresh() {
    const { status, body } = await ask("GET", "/api/screen");
    if (status !== 200 || body?.screen !== this.data.screen) return elsewhere();
    body.slots.forEach((saved, i) => {
      const slot = this.slots[i];
      if (this.saver.pending || saved.revision <= slot.revision) return;
      Object.assign(slot, { rating: saved.rating, revision: saved.revision, heard: slot.heard || saved.heard });
      this.task.show(slot);
    });
  }

  #missing() {
    const unheard = this.heard.filter((slot) => !slot.heard);
    if (unheard.length) return { slot: unheard[0], sentence: say("missing_heard", { names: this.#names(unheard) }) };
    const unrated = this.asked.filter((slot) => slot.rating === null);
    if (unrated.length) return { slot: unrated[0], sentence: say("missing_rated", { names: this.#names(unrated) }) };
    return null;
  }

  #say({ slot, sentence }) {
    explain(sentence);
    if (slot === this.reference) find(".reference").focus();
    else this.task.focus(slot);
  }

  #name(slot) {
    if (slot === this.reference) return say("reference");
    return slot.name ? String(slot.name) : say("sound");
  }

  #names(slots) {
    return slots.map((slot) => this.#name(slot)).join(", ");
  }

  #rated(slot, settled) {
    slot.seconds = Math.round(performance.now() - this.#shownAt) / 1000;
    slot.heard = true;
    explain("");
    this.saver.rate(slot, settled);
  }

  #taken(slot) {
    this.task.show(slot);
    explain(say("taken"));
  }

  // Something begins or ends to be heard.
  #played() {
    const { playing, current } = this.player;
    const slot = playing ? this.heard[current] : null;
    this.task.playing(slot === this.reference ? null : slot);
    this.task.open?.(this.heard.every(({ heard }) => heard));
    find(".reference")?.setAttribute("aria-pressed", String(slot !== null && slot === this.reference));
    find(".pause").textContent = say(playing ? "pause" : "resume");
    const name = slot && slot !== this.reference && slot.name ? say("stimulus", { name: slot.name }) : slot && this.#name(slot);
    find(".now").textContent = slot ? say("playing", { name }) : say("paused");
    clearTimeout(this.#hearing);
    if (slot && !slot.heard) this.#hearing = setTimeout(() => this.#hasHeard(slot), 1000 * HEARD_S);
  }

  #hasHeard(slot) {
    slot.heard = true;
    this.saver.heard(slot);
    if (slot === this.reference) find(".reference").classList.add("heard");
    else this.task.show(slot);
    this.#played();
  }

  #showSaved() {
    const { pending, failing } = this.saver;
    const key = failing ? "unsaved" : pending ? "saving" : "saved";
    const place = find(".saved");
    place.classList.toggle("failing", failing);
    place.querySelector(".seen").textContent = say(key);
    // Spoken only where something is wrong, and when it is right again.
    const told = place.querySelector("[role=status]");
    if (failing || told.textContent) told.textContent = pending ? (failing ? say("unsaved") : "") : say("saved");
  }
}

function addressesOf(data) {
  return [...data.slots.map((slot) => slot.audio), ...(data.reference ? [data.reference] : [])];
}

function explain(sentence) {
  find(".message").textContent = sentence;
}

// Ask until there is an answer, and say meanwhile what is failing.
async function persist(request, failing) {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await request();
      find(".trouble").hidden = true;
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof FetchError)) throw error;
      await wait(RETRY_S[Math.min(tries, RETRY_S.length - 1)], failing);
    }
  }
}

function wait(seconds, failing) {
  const box = find(".trouble");
  box.querySelector("p").textContent = say(failing, { seconds });
  box.hidden = false;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    box.querySelector("button").onclick = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function elsewhere() {
  shown?.close();
  shown = null;
  find(".work").hidden = true;
  find(".elsewhere").hidden = false;
  find(".elsewhere button").focus();
}

// Get the screen that is to be rated now; where there is none, the session is at another page.
async function start() {
  shown?.close();
  shown = null;
  find(".work").hidden = true;
  const { status, body } = await persist(() => ask("GET", "/api/screen"), "server_failed");
  if (status !== 200 || !body || body.method !== method) return location.replace("/");
  head(body);
  const addresses = addressesOf(body);
  const progress = (done) => { find(".loading p").textContent = say("screen_loading", { done, of: addresses.length }); };
  progress(0);
  find(".loading").hidden = false;
  let buffers;
  try {
    buffers = await persist(() => load(addresses, body.rate_hz, progress), "screen_failed");
  } catch (error) {
    if (error.name !== "EncodingError") throw error;
    find(".loading p").textContent = say("screen_undecodable");
    return;
  }
  find(".loading").hidden = true;
  find(".work").hidden = false;
  explain("");
  shown = new Screen(body, buffers);
  fetchAhead(body.ahead);
  scrollTo(0, 0);
}

function head({ kind, number, of, question }) {
  document.querySelector("h1").textContent = question || say(`question_${method}`);
  document.querySelector(".practice").hidden = kind !== "training";
  document.querySelector(".count").textContent = say("screen_number", { number, of });
}

find(".next").addEventListener("click", () => shown?.next());
find(".pause").addEventListener("click", () => shown?.pauseOrPlay());
find(".reference")?.addEventListener("click", () => shown?.toggle(shown.slots.length));
find(".elsewhere button").addEventListener("click", () => location.reload());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  shown?.refresh().catch((error) => {
    if (!(error instanceof Unreachable)) throw error; // the next rating will tell
  });
});
addEventListener("beforeunload", (event) => {
  if (shown?.saver.pending) event.preventDefault();
});

const letters = {
  r: () => shown?.playReference(),
  i: () => shown?.wave.begin(),
  o: () => shown?.wave.end(),
  l: () => shown?.wave.whole(),
  j: () => shown?.wave.seekBy(-1),
  k: () => shown?.wave.seekBy(1),
};
const names = { ab: ["a", "b"], abx: ["a", "b", "x"] }[method] ?? [];
names.forEach((name, i) => { letters[name] = () => shown?.choose(i); });
new Keys(document.querySelector("dialog"), find(".keys"), {
  ...letters,
  digit: (i) => shown?.choose(i),
  space: () => shown?.pauseOrPlay(),
});

await start();
