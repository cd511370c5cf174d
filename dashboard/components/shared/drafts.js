// What this browser keeps: texts being edited and submits on their way, so that a crash, a lost connection or an ended
// session costs nothing. Removed when the service has acknowledged them.

import { newKey } from "./typed.js";

const PREFIX = "coachlm";

export class Drafts {
  constructor(person, storage = safeStorage()) {
    this.person = person;
    this.storage = storage;
  }

  // This browser's own name, drawn once: drafts of two browsers are told apart by it.
  get writer() {
    const known = this.text("writer")?.name;
    if (known) return known;
    const name = (this.drawn ??= newKey());
    this.saveText("writer", { name });
    return name;
  }

  saveText(pairId, draft) {
    this.#write(`text.${pairId}`, { ...draft, at: Date.now() });
  }

  text(pairId) {
    return this.#read(`text.${pairId}`);
  }

  dropText(pairId) {
    this.#remove(`text.${pairId}`);
  }

  saveSubmit(submit) {
    return this.#write(`submit.${submit.idempotency_key}`, submit);
  }

  dropSubmit(submit) {
    this.#remove(`submit.${submit.idempotency_key}`);
  }

  submits() {
    const prefix = this.#name("submit.");
    const names = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index));
    return names
      .filter((name) => name.startsWith(prefix))
      .map((name) => this.#read(name.slice(this.#name("").length)))
      .filter(Boolean);
  }

  #name(key) {
    return `${PREFIX}.${encodeURIComponent(this.person)}.${key}`;
  }

  #write(key, value) {
    try {
      this.storage.setItem(this.#name(key), JSON.stringify(value));
      return true;
    } catch {
      return false; // full or forbidden: the service still gets the drafts
    }
  }

  #read(key) {
    try {
      return JSON.parse(this.storage.getItem(this.#name(key)));
    } catch {
      return null;
    }
  }

  #remove(key) {
    try {
      this.storage.removeItem(this.#name(key));
    } catch {
      // as above
    }
  }
}

function safeStorage() {
  try {
    return window.localStorage;
  } catch {
    return { length: 0, key: () => "", getItem: () => null, setItem() {}, removeItem() {} };
  }
}
