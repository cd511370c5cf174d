// Items fetched before they are needed. Claims until enough are there, and asks an empty queue again and again.

import { holdItem } from "../shared/locks.js";
import { service } from "../shared/service.js";
import { Task } from "./task.js";

const AHEAD = 1;
const POLL_MS = 5_000;
const POLL_LONGEST_MS = 30_000;

export class Supply {
  // `hasWork()` says whether the person has an item; `came()`, `nothing()`, `full(error)` and `failed(error)` are told.
  constructor(line, tell) {
    this.line = line;
    this.tell = tell;
    this.tasks = [];
  }

  next() {
    return this.tasks.shift() || null;
  }

  // It comes before the others.
  putBack(task) {
    if (task) this.tasks.unshift(task);
  }

  drop(task) {
    this.tasks = this.tasks.filter((other) => other !== task);
    task.unlock();
  }

  // Unless another tab works on it.
  async add(item) {
    const unlock = await holdItem(item.token);
    if (unlock) this.tasks.push(new Task(item, unlock));
  }

  async fill() {
    if (this.isFilling) return;
    this.isFilling = true;
    let wait = POLL_MS;
    try {
      while (!this.line.isStopped && (!this.tell.hasWork() || this.tasks.length < AHEAD)) {
        const item = await this.#claim();
        if (item) {
          await this.add(item);
          wait = POLL_MS;
          this.tell.came();
        } else if (this.tell.hasWork())
          break; // asked again after the next submit
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

  async #claim() {
    try {
      return await this.line.persist(service.claim);
    } catch (error) {
      if (!error.isLate) throw error;
      this.tell.full(error); // as many in hands as the rules allow: other tabs have some, or a submit is on its way
      return null;
    }
  }
}
