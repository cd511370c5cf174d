// Ratings on their way: kept in the browser before they are sent, and sent one after the other, in order, until the
// service has answered. Also those of an earlier visit.

import { ratings } from "./service.js";

export class Unsent {
  // `accepted(entry, receipt)` and `refused(entry, error)` are called by the service's answer. An entry is
  // {study, place, rating}.
  constructor(drafts, line, { accepted, refused, on }) {
    this.drafts = drafts;
    this.line = line;
    this.tell = { accepted, refused, on };
    this.waiting = [];
  }

  get count() {
    return this.waiting.length;
  }

  // The newest of this text, if one is on its way.
  last(study, place) {
    return this.waiting.findLast((entry) => entry.study === study && entry.place === place);
  }

  sendKept() {
    const kept = this.drafts
      .submits()
      .map((record) => ({ study: record.study, place: record.place, rating: record.rating, at: record.at }));
    this.waiting.push(...kept.sort((a, b) => a.at - b.at));
    this.#send();
  }

  put(study, place, rating) {
    const entry = { study, place, rating, at: Date.now() };
    this.waiting.push(entry);
    this.#keep(entry);
    this.#send();
  }

  // When nothing is on its way any more.
  settled() {
    return this.sending || Promise.resolve();
  }

  #send() {
    this.sending ??= this.#sendAll().finally(() => {
      this.sending = null;
      this.tell.on();
      if (this.count && !this.line.isStopped) this.#send(); // came at the last moment
    });
  }

  async #sendAll() {
    while (this.count && !this.line.isStopped) {
      const entry = this.waiting[0];
      this.tell.on();
      try {
        const receipt = await this.line.persist(() => ratings.save(entry));
        this.#done(entry);
        // The same text was rated once more meanwhile.
        for (const later of this.waiting.filter(
          (other) => other.study === entry.study && other.place === entry.place,
        )) {
          later.rating.version = receipt.version;
          this.#keep(later);
        }
        this.tell.accepted(entry, receipt);
      } catch (error) {
        if (this.line.isStopped) break; // it is kept, and sent by the next visit
        this.#done(entry);
        this.tell.refused(entry, error);
      }
    }
  }

  #keep(entry) {
    this.drafts.saveSubmit({ ...entry, idempotency_key: entry.rating.idempotency_key });
  }

  #done(entry) {
    this.waiting = this.waiting.filter((other) => other !== entry);
    this.drafts.dropSubmit({ idempotency_key: entry.rating.idempotency_key });
  }
}
