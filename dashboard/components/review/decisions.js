// Decisions on their way: kept in the browser before they are sent, and sent until the service has answered.

import { service } from "../shared/service.js";

export class Decisions {
  // `accepted(decision)` and `refused(error, decision, one)` are called by the service's answer; `one` is null for a
  // decision of an earlier visit.
  constructor(drafts, line, { accepted, refused, on }) {
    this.drafts = drafts;
    this.line = line;
    this.tell = { accepted, refused, on };
    this.under = new Set(); // way, as promises
  }

  // Not acknowledged yet.
  get count() {
    return this.under.size;
  }

  sendKept() {
    for (const decision of this.drafts.submits()) this.#send(decision, null);
  }

  // Fulfilled with the pair's new version; null: it was refused.
  put(one, kind) {
    const decision = one.decide(kind);
    this.drafts.saveSubmit(decision);
    return this.#send(decision, one);
  }

  // When all have been answered: until then the service counts what is decided already.
  async settled() {
    await Promise.all(this.under);
  }

  #send(decision, one) {
    const sent = this.#answered(decision, one).finally(() => {
      this.under.delete(sent);
      this.tell.on();
    });
    this.under.add(sent);
    this.tell.on();
    return sent;
  }

  async #answered(decision, one) {
    try {
      const { version } = await this.line.persist(() => service.review(decision));
      this.drafts.dropText(decision.pair_id);
      this.drafts.dropSubmit(decision);
      this.tell.accepted(decision);
      return version;
    } catch (error) {
      this.drafts.dropSubmit(decision);
      const text = decision.final || this.drafts.text(decision.pair_id)?.text;
      if (text || decision.comment)
        this.drafts.saveText(decision.pair_id, { text, comment: decision.comment, version: decision.version });
      this.tell.refused(error, decision, one);
      return null;
    }
  }
}
