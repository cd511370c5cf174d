// One item on the desk: the texts it starts with, what the person has made of them, and its scores.

export const FIELDS = ["instruction", "input", "response"];

export class Task {
  constructor(item, unlock) {
    this.item = item;
    this.unlock = unlock;
    this.key = newKey();
    this.scores = { instruction: null, response: null };
    this.flaws = new Set();
    this.categories = new Set();
    this.expiresAt = Date.parse(item.expires_at);
    this.coach = item.revision ? item.revision.revised : null;
    this.start = this.coach || item.raw; // what it is when nobody has touched it
    if (item.last_edit) this.#takeLastEdit(item.last_edit);
    this.text = { ...this.start };
    this.comment = "";
    this.savedText = this.print();
  }

  get raw() {
    return this.item.raw;
  }

  get isReturned() {
    return this.item.status === "returned";
  }

  get isChanged() {
    return this.print() !== this.savedText;
  }

  // Whether there is anything of the person's own in it.
  get isTouched() {
    return !sameText(this.text, this.start) || Boolean(this.comment);
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
    };
  }

  draft() {
    return { pair_id: this.item.pair_id, token: this.item.token, text: { ...this.text }, comment: this.comment };
  }

  renewKey() {
    this.key = newKey();
  }

  #takeLastEdit(edit) {
    this.start = edit.final;
    if (edit.scores) {
      this.scores = { instruction: edit.scores.instruction, response: edit.scores.response };
      this.flaws = new Set(edit.scores.flaws);
    }
    this.categories = new Set(edit.categories);
  }
}

export function pick(text) {
  return Object.fromEntries(FIELDS.map((field) => [field, text[field]]));
}

export function sameText(a, b) {
  return FIELDS.every((field) => a[field] === b[field]);
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
