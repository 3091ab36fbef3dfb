// Sends every rating to the server: the latest value of each stimulus, one request at a time, repeated
// until there is an answer. Events: "change" when something is saved or waits to be saved, "taken"
// (detail: slot) when the server holds another rating, "over" when the screen is no longer the one to be
// rated, "refused" when a rating is not accepted.

import { ask, Unreachable } from "./server.js";

const DRAG_MS = 250; // between requests while a slider moves
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Saver extends EventTarget {
  #screen;
  #jobs = new Map(); // slot -> what is still to be sent; empty when all is saved
  #waiting = []; // promises of settle()
  #failures = 0;
  #over = false;
  #retry = 0;

  constructor(screen) {
    super();
    this.#screen = screen;
    addEventListener("online", this.#online);
  }

  get pending() {
    return this.#jobs.size > 0;
  }

  get failing() {
    return this.#failures > 0;
  }

  // A slot is { token, rating, heard, revision, seconds }. It is read when the request is made, not when
  // it is queued, so that a slider that moves on sends its latest value.
  rate(slot, settled = true) {
    this.#put(slot, "rating", settled ? 0 : DRAG_MS);
  }

  heard(slot) {
    this.#put(slot, "heard", 0);
  }

  // Resolve when everything has been answered; false if the screen is over.
  async settle() {
    this.#online();
    while (this.pending && !this.#over) await new Promise((resolve) => this.#waiting.push(resolve));
    return !this.#over;
  }

  // Send nothing more of this screen.
  close() {
    this.#over = true;
    removeEventListener("online", this.#online);
    clearTimeout(this.#retry);
    for (const job of this.#jobs.values()) clearTimeout(job.timer);
    this.#jobs.clear();
    this.#wake();
  }

  #put(slot, what, delay) {
    if (this.#over) return;
    const job = this.#jobs.get(slot) ?? { rating: false, heard: false, unanswered: null, timer: 0, busy: false };
    job[what] = true;
    this.#jobs.set(slot, job);
    this.#tell("change");
    if (job.busy) return; // the loop in #send sees the new value after the current request
    if (delay && job.timer) return; // do not restart the timer, or a long drag would send nothing until its end
    clearTimeout(job.timer);
    job.timer = setTimeout(() => this.#send(slot), delay);
  }

  async #send(slot) {
    const job = this.#jobs.get(slot);
    if (!job || job.busy || this.#over) return;
    clearTimeout(job.timer);
    Object.assign(job, { busy: true, timer: 0 });
    try {
      while ((job.heard || job.rating || job.unanswered) && !this.#over) {
        if (job.heard) await this.#sendHeard(slot, job);
        else await this.#sendRating(slot, job);
        this.#failures = 0;
      }
      if (!this.#over) this.#jobs.delete(slot);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      // No answer: the job stays in the map, so nothing is lost, and it is tried again later.
      this.#later();
    } finally {
      job.busy = false;
    }
    this.#tell("change");
    this.#wake();
  }

  async #sendHeard(slot, job) {
    const { status } = await ask("POST", "/api/heard", { screen: this.#screen, token: slot.token });
    job.heard = false;
    if (status >= 400) this.#gone();
  }

  // A request without an answer may have arrived all the same. It is repeated unchanged, before any newer
  // value: the server recognises the repetition by its revision and counts it once. A newer value with
  // the old revision would be refused as outdated.
  async #sendRating(slot, job) {
    if (!job.unanswered) {
      const { token, rating, heard, revision, seconds } = slot;
      job.unanswered = { screen: this.#screen, token, rating, revision, heard, seconds };
      job.rating = false; // a change from now on needs another request
    }
    const { status, body } = await ask("PUT", "/api/rating", job.unanswered);
    job.unanswered = null;
    if (status < 300 && body) {
      slot.revision = body.revision;
    } else if (status === 409 && typeof body?.rating === "number") {
      slot.revision = body.revision;
      // Another tab has rated this stimulus. If the listener has moved the slider here since then, that is
      // the newest rating and is sent again with the new revision; otherwise show what the server holds.
      if (job.rating) return;
      slot.rating = body.rating;
      this.dispatchEvent(new CustomEvent("taken", { detail: slot }));
    } else if (status === 400 || status === 422) {
      this.#tell("refused");
    } else {
      this.#gone();
    }
  }

  #gone() {
    this.close();
    this.#tell("over");
  }

  // Try again after a pause that grows, so that many browsers do not overload a server that restarts.
  #later() {
    const delay = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.#online, delay);
  }

  #online = () => {
    for (const slot of this.#jobs.keys()) this.#send(slot);
  };

  #wake() {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
