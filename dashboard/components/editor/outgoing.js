// Submits on their way: kept in the browser before they are sent, and sent until the service has answered; and the last
// one that was answered, which can be taken back for a while.

import { service } from "../shared/service.js";

export class Outgoing {
  // `accepted()` and `refused(error, submit, task)` are called by the service's answer; `task` is null for a submit of
  // an earlier visit.
  constructor(drafts, line, undoSeconds, { accepted, refused, on }) {
    this.drafts = drafts;
    this.line = line;
    this.undoSeconds = undoSeconds;
    this.tell = { accepted, refused, on };
    this.count = 0; // not acknowledged yet
    this.last = null; // what can be taken back: {receipt, until}
  }

  sendKept() {
    for (const submit of this.drafts.submits()) this.#send(submit, null);
  }

  put(task) {
    const submit = task.submit();
    this.drafts.saveSubmit(submit);
    this.#send(submit, task);
  }

  // The item of the last submit, in hands again; null: it is too late. Throws what the service refuses.
  async takeBack() {
    const last = this.last;
    this.last = null;
    if (!last || Date.now() > last.until) return null;
    return this.line.persist(() => service.undo(last.receipt));
  }

  async #send(submit, task) {
    this.count++;
    this.tell.on();
    try {
      const receipt = await this.line.persist(() => service.submit(submit));
      this.drafts.dropText(submit.pair_id);
      this.last = { receipt, until: Date.now() + this.undoSeconds * 1000 };
      this.drafts.dropSubmit(submit);
      this.tell.accepted();
    } catch (error) {
      this.drafts.dropSubmit(submit);
      this.drafts.saveText(submit.pair_id, { text: submit.final, comment: submit.comment, token: submit.token });
      await this.tell.refused(error, submit, task);
    } finally {
      this.count--;
      this.tell.on();
    }
  }
}
