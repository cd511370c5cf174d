// What a person makes of an item: its texts and a comment, and how much of that is saved.

export const FIELDS = ["instruction", "input", "response"];

export class Typed {
  // `start`: what the texts are when nobody has touched them.
  constructor(item, unlock, start) {
    this.item = item;
    this.unlock = unlock;
    this.key = newKey();
    this.coach = item.revision ? item.revision.revised : null;
    this.start = start;
    this.text = { ...start };
    this.comment = "";
    this.savedText = this.print();
  }

  get raw() {
    return this.item.raw;
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

  renewKey() {
    this.key = newKey();
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
