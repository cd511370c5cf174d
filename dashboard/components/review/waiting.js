// What waits for the owner: reserved for them two at a time, one held ready, and an empty queue asked again.

import { holdItem } from "../shared/locks.js";
import { service } from "../shared/service.js";
import { Case } from "./case.js";

const WANTED = 2;
const MOST = 20; // that the service gives at once
const POLL_MS = 5_000;
const POLL_LONGEST_MS = 30_000;

export class Waiting {
  // `hasWork()` says whether the owner has an item; `came()`, `nothing()`, `counted()` and `failed(error)` are told;
  // `settled()` waits for decisions on their way.
  constructor(line, tell) {
    this.line = line;
    this.tell = tell;
    this.items = [];
    this.total = null; // how many waited when that was asked, but for what has been decided since
    this.ahead = null; // the next one, as a Case
    this.decided = new Set();
    this.elsewhere = new Set(); // ids that another tab of this browser looks at
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

  // Items that are reserved here, beside the one that is looked at.
  get inHands() {
    return [this.ahead?.item, ...this.items, ...[...this.later.values()].map((one) => one.item)].filter(Boolean);
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
        const found = await this.#find(of, isFresh);
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

  // What was put off comes after what is new.
  async #find(of, isFresh) {
    const ready = isFresh ? null : await this.#take();
    if (ready) return ready;
    await this.tell.settled();
    this.elsewhere.clear();
    for (let round = 0; round < 2; round++) {
      await this.#fetch(of, WANTED, [...this.#putOff(), ...this.elsewhere]);
      const found = await this.#take();
      if (found || !this.elsewhere.size) return found || this.#again(of);
    }
    return this.#again(of);
  }

  async #again(of) {
    if (!this.later.size || of !== this.of) return null;
    await this.#fetch(of, MOST, [...this.elsewhere]);
    return this.#take();
  }

  #putOff() {
    return [...this.later.values()].map((one) => one.item.pair_id);
  }

  async #fetch(of, want, known) {
    const inHands = [this.tell.inHands(), this.ahead?.item.pair_id].filter(Boolean);
    const answer = await this.line.persist(() => service.claimReviews(want, [...new Set([...known, ...inHands])], of));
    if (of !== this.of) return;
    this.items = answer.items.filter((item) => !this.decided.has(nameOf(item)));
    this.total = answer.waiting;
    this.tell.counted();
  }

  // The first that no other tab of this browser looks at.
  async #take() {
    const turns = [...this.later.keys()];
    const turn = (item) => turns.indexOf(nameOf(item));
    for (const item of [...this.items].sort((a, b) => turn(a) - turn(b))) {
      if (this.tell.inHands() === item.pair_id) continue;
      const unlock = await holdItem(`review.${nameOf(item)}`);
      this.items = this.items.filter((other) => other !== item);
      if (unlock) return this.#case(item, unlock);
      this.elsewhere.add(item.pair_id);
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
