// What waits for the owner, oldest first: fetched a dozen at a time, one held ready, and an empty queue asked again.

import { holdItem } from "../shared/locks.js";
import { service } from "../shared/service.js";
import { Case } from "./case.js";

const FETCHED = 12;
const FEW = 4; // then more are fetched
const POLL_MS = 5_000;
const POLL_LONGEST_MS = 30_000;

export class Waiting {
  // `hasWork()` says whether the owner has an item; `came()`, `nothing()`, `counted()` and `failed(error)` are told.
  constructor(line, tell) {
    this.line = line;
    this.tell = tell;
    this.items = [];
    this.total = null; // how many waited when that was asked, but for what has been decided since
    this.ahead = null; // the next one, as a Case
    this.decided = new Set();
    this.later = new Map(); // name → Case with what was typed, in the order in which they were put off
    this.of = ""; // the class that is looked at; "" for all
  }

  // The next item; null: none is ready.
  next() {
    const found = this.ahead;
    this.ahead = null;
    return found;
  }

  // It comes before the others.
  putFirst(one) {
    this.ahead?.unlock();
    this.ahead = one;
  }

  // It comes after the others.
  putOff(one) {
    this.later.delete(nameOf(one.item));
    this.later.set(nameOf(one.item), one);
  }

  markDecided(item) {
    this.decided.add(nameOf(item));
    this.later.delete(nameOf(item));
    this.items = this.items.filter((other) => nameOf(other) !== nameOf(item));
    if (this.total) this.total--;
  }

  // A decision that was refused: the item may come again, as it is now.
  forget(item) {
    this.decided.delete(nameOf(item));
  }

  async choose(of) {
    this.of = of;
    this.items = [];
    this.putFirst(null);
    this.line.wake();
    await this.fill(true);
  }

  // Until one is held ready; asks again and again while the owner has none.
  async fill(isForced = false) {
    if (this.isFilling) return;
    this.isFilling = true;
    let wait = POLL_MS;
    try {
      for (let isFresh = isForced; !this.line.isStopped && !this.ahead; isFresh = true) {
        const { of } = this;
        if (isFresh || this.items.length < FEW) await this.#fetch(of);
        const found = await this.#take();
        if (of !== this.of) {
          found?.unlock(); // another class was chosen meanwhile
          continue;
        }
        this.ahead = found;
        if (this.ahead) this.tell.came();
        else if (this.tell.hasWork())
          break; // asked again after the next decision
        else {
          this.tell.nothing();
          await this.line.pause(wait);
          wait = Math.min(wait * 1.5, POLL_LONGEST_MS);
        }
      }
    } catch (error) {
      this.tell.failed(error);
    } finally {
      this.isFilling = false;
    }
  }

  async #fetch(of) {
    const answer = await this.line.persist(() => service.reviews(FETCHED + this.later.size, of));
    if (of !== this.of) return;
    this.items = answer.items.filter((item) => !this.decided.has(nameOf(item)));
    this.total = Math.max(0, answer.waiting - (answer.items.length - this.items.length));
    this.tell.counted();
  }

  // The first that no other tab of this browser looks at.
  async #take() {
    const turns = [...this.later.keys()];
    const turn = (item) => turns.indexOf(nameOf(item));
    for (const item of [...this.items].sort((a, b) => turn(a) - turn(b))) {
      if (this.tell.isInHands(item)) continue;
      const unlock = await holdItem(`review.${nameOf(item)}`);
      if (unlock) return this.#case(item, unlock);
    }
    return null;
  }

  #case(item, unlock) {
    const known = this.later.get(nameOf(item));
    if (known) known.unlock = unlock;
    return known || new Case(item, unlock);
  }
}

// An item that has changed is another one.
function nameOf(item) {
  return `${item.pair_id}.${item.version}`;
}
