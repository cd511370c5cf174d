// One item that waits for the owner: the annotator's text, what the owner makes of it, and the decision.

import { Typed, pick, sameText } from "../shared/typed.js";

export class Case extends Typed {
  constructor(item, unlock) {
    const annotated = item.post_edit ? item.post_edit.final : null; // null: sent to the owner without a text
    super(item, unlock, pick(annotated || item.revision?.revised || item.raw));
    this.annotated = annotated;
  }

  get isQuestion() {
    return !this.annotated;
  }

  get isCorrected() {
    return !sameText(this.text, this.start);
  }

  // What the owner's approval means: their own text, where there is one.
  get approval() {
    return this.isQuestion || this.isCorrected ? "fix" : "approve";
  }

  // Why it can't be decided so, or "".
  wrong(decision) {
    if (decision === "return")
      return this.comment.trim() ? "" : "Say in the comment what should change: the annotator sees it.";
    if (decision === "approve") return "";
    return this.text.instruction.trim() && this.text.response.trim()
      ? ""
      : "An instruction and a response are needed: neither may be empty.";
  }

  // For the service; the key stays the same however often it is sent.
  decide(decision) {
    const final = decision === "fix" ? { ...this.text } : null;
    return {
      pair_id: this.item.pair_id,
      version: this.item.version,
      decision,
      final,
      comment: this.comment,
      idempotency_key: this.key,
    };
  }

  draft(writer) {
    return {
      pair_id: this.item.pair_id,
      version: this.item.version,
      writer,
      text: { ...this.text },
      comment: this.comment,
    };
  }

  // For this browser.
  kept() {
    return { text: this.text, comment: this.comment, version: this.item.version };
  }
}
