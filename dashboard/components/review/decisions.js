// Decisions on their way: kept in the browser before they are sent, and sent until the service has answered.

import { service } from "../shared/service.js";

export class Decisions {
  // `accepted(decision)` and `refused(error, decision, one)` are called by the service's answer; `one` is null for a
  // decision of an earlier visit.
  constructor(drafts, line, { accepted, refused, on }) {
    this.drafts = drafts;
    this.line = line;
    this.tell = { accepted, refused, on };
    this.count = 0; // not acknowledged yet
  }

  sendKept() {
    for (const decision of this.drafts.submits()) this.#send(decision, null);
  }

  put(one, kind) {
    const decision = one.decide(kind);
    this.drafts.saveSubmit(decision);
    this.#send(decision, one);
  }

  async #send(decision, one) {
    this.count++;
    this.tell.on();
    try {
      await this.line.persist(() => service.review(decision));
      this.drafts.dropText(decision.pair_id);
      this.drafts.dropSubmit(decision);
      this.tell.accepted(decision);
    } catch (error) {
      this.drafts.dropSubmit(decision);
      const text = decision.final || this.drafts.text(decision.pair_id)?.text;
      if (text || decision.comment)
        this.drafts.saveText(decision.pair_id, { text, comment: decision.comment, version: decision.version });
      this.tell.refused(error, decision, one);
    } finally {
      this.count--;
      this.tell.on();
    }
  }
}
