// The line to the service: asks until it is answered, and knows whether the service is away or the session has ended.

import { Refused, pause } from "./service.js";

const FIRST_MS = 1_000;
const LONGEST_MS = 10_000;

export class Line {
  constructor(on) {
    this.on = on;
    this.away = ""; // why the service can't be reached now
    this.isSignedOut = false;
    this.isStopped = false;
    this.sleepers = new Set();
    this.signedInAt = 0;
    this.signedIn = Promise.resolve();
  }

  // Tries until the service decides, whatever time it takes. Throws what it refuses.
  async persist(ask) {
    for (let wait = FIRST_MS; ; wait = Math.min(wait * 2, LONGEST_MS)) {
      try {
        const answer = await ask();
        this.isBack();
        return answer;
      } catch (error) {
        if (!(error instanceof Refused) || this.isStopped || !(error.isSignedOut || error.isAway)) throw error;
        this.isDown(error);
        if (error.isSignedOut) await this.signedIn;
        else await this.pause(Math.max(wait, error.retryAfter * 1000));
      }
    }
  }

  isDown(error) {
    if (error.isAway) this.away = error.message;
    else if (!this.isSignedOut && error.askedAt > this.signedInAt) {
      this.isSignedOut = true;
      this.signedIn = new Promise((resolve) => (this.letIn = resolve));
    }
    this.on();
  }

  isBack() {
    if (!this.away) return;
    this.away = "";
    this.wake();
    this.on();
  }

  // The person has signed in again.
  resume() {
    this.isSignedOut = false;
    this.signedInAt = performance.now();
    this.letIn?.();
    this.wake();
    this.on();
  }

  // Shorter when something gives reason to try at once.
  async pause(ms) {
    let wake;
    await Promise.race([pause(ms), new Promise((resolve) => this.sleepers.add((wake = resolve)))]);
    this.sleepers.delete(wake);
  }

  wake() {
    for (const wake of this.sleepers) wake();
  }

  stop() {
    this.isStopped = true;
    this.wake();
  }
}
