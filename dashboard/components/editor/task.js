// One item on the desk: the texts it starts with, what the person has made of them, and its scores.

import { Typed } from "../shared/typed.js";

export class Task extends Typed {
  constructor(item, unlock) {
    const edit = item.last_edit;
    super(item, unlock, edit ? edit.final : item.revision ? item.revision.revised : item.raw);
    this.scores = { instruction: null, response: null };
    this.flaws = new Set();
    this.categories = new Set();
    this.seen = item.draft?.version || 0; // the newest draft of the item that was shown here
    this.isDiverged = false; // another browser has a newer one
    this.expiresAt = Date.parse(item.expires_at);
    if (edit) this.#takeLastEdit(edit);
  }

  get isReturned() {
    return this.item.status === "returned";
  }

  secondsLeft(now) {
    return Math.round((this.expiresAt - now) / 1000);
  }

  // Why it can't be handed in, or "".
  wrong() {
    const { instruction, response } = this.scores;
    if ((instruction === null) !== (response === null)) return "Give both scores or none.";
    if (!this.text.instruction.trim()) return "The instruction is empty.";
    if (!this.text.response.trim()) return "The response is empty; exclude the pair if there is nothing to answer.";
    return "";
  }

  // For the service; the key stays the same however often it is sent.
  submit() {
    const { instruction, response } = this.scores;
    return {
      pair_id: this.item.pair_id,
      token: this.item.token,
      version: this.item.version,
      idempotency_key: this.key,
      final: { ...this.text },
      scores: instruction === null ? null : { instruction, response, flaws: [...this.flaws] },
      categories: [...this.categories],
      comment: this.comment,
      seen: this.seen,
    };
  }

  draft() {
    return {
      pair_id: this.item.pair_id,
      token: this.item.token,
      text: { ...this.text },
      comment: this.comment,
      seen: this.seen,
    };
  }

  #takeLastEdit(edit) {
    if (edit.scores) {
      this.scores = { instruction: edit.scores.instruction, response: edit.scores.response };
      this.flaws = new Set(edit.scores.flaws);
    }
    this.categories = new Set(edit.categories);
  }
}
