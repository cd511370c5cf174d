// Submits on their way: kept in the browser before they are sent, and sent until the service has answered.

import { service } from "../shared/service.js";

export class Outgoing {
  // `accepted()` and `refused(error, submit, task)` are called by the service's answer; `task` is null for a submit of
  // an earlier visit.
  constructor(drafts, line, { accepted, refused, on }) {
    this.drafts = drafts;
    this.line = line;
    this.tell = { accepted, refused, on };
    this.count = 0; // not acknowledged yet
  }

  sendKept() {
    for (const submit of this.drafts.submits()) this.#send(submit, null);
  }

  // Fulfilled with the receipt; null: it was refused.
  put(task) {
    const submit = { ...task.submit(), writer: this.drafts.writer };
    this.drafts.saveSubmit(submit);
    return this.#send(submit, task);
  }

  async #send(submit, task) {
    this.count++;
    this.tell.on();
    try {
      const receipt = await this.line.persist(() => service.submit(submit));
      this.drafts.dropText(submit.pair_id);
      this.drafts.dropSubmit(submit);
      this.tell.accepted();
      return receipt;
    } catch (error) {
      this.drafts.dropSubmit(submit);
      this.drafts.saveText(submit.pair_id, { text: submit.final, comment: submit.comment, token: submit.token });
      await this.tell.refused(error, submit, task);
      return null;
    } finally {
      this.count--;
      this.tell.on();
    }
  }
}
