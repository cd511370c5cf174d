// One item that waits for the owner: the annotator's text, what the owner makes of it, and what she decides.

import { newKey, pick, sameText } from "../editor/task.js";

export class Case {
  constructor(item, unlock) {
    this.item = item;
    this.unlock = unlock;
    this.key = newKey();
    this.coach = item.revision ? item.revision.revised : null;
    this.annotated = item.post_edit ? item.post_edit.final : null; // null: sent to the owner without a text
    this.start = pick(this.annotated || this.coach || item.raw);
    this.text = { ...this.start };
    this.comment = "";
    this.savedText = this.print();
  }

  get raw() {
    return this.item.raw;
  }

  get isQuestion() {
    return !this.annotated;
  }

  get isCorrected() {
    return !sameText(this.text, this.start);
  }

  // Whether there is anything of the owner's own in it.
  get isTouched() {
    return this.isCorrected || Boolean(this.comment);
  }

  get isChanged() {
    return this.print() !== this.savedText;
  }

  print() {
    return JSON.stringify([this.text, this.comment]);
  }

  put(text, comment) {
    this.text = pick(text);
    this.comment = comment || "";
  }

  markSaved(print) {
    this.savedText = print;
  }

  // What the owner's approval means: her own text, where there is one.
  get approval() {
    return this.isQuestion || this.isCorrected ? "fix" : "approve";
  }

  // Why it can't be decided so, or "".
  wrong(decision) {
    if (decision === "return") return this.comment.trim() ? "" : "Say in the comment what should change: the annotator sees it.";
    if (decision === "approve") return "";
    return this.text.instruction.trim() && this.text.response.trim() ? "" : "An instruction and a response are needed: neither may be empty.";
  }

  // For the service; the key stays the same however often it is sent.
  decide(decision) {
    const final = decision === "fix" ? { ...this.text } : null;
    return { pair_id: this.item.pair_id, version: this.item.version, decision, final, comment: this.comment, idempotency_key: this.key };
  }

  draft(writer) {
    return { pair_id: this.item.pair_id, version: this.item.version, writer, text: { ...this.text }, comment: this.comment };
  }

  // For this browser.
  kept() {
    return { text: this.text, comment: this.comment, version: this.item.version };
  }

  renewKey() {
    this.key = newKey();
  }
}
