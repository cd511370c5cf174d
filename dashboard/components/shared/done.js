// What was done last, so that it can be taken back: a stack, the newest on top.

export class Done {
  constructor() {
    this.entries = [];
  }

  // `ready`: fulfilled with what the service answered, null when it refused; `undo(answer)` asks for the item again.
  // `seconds`: how long it can be taken back from then on.
  push({ ready, undo, seconds = Infinity, kept = null }) {
    const entry = { ready, undo, kept, until: Infinity };
    this.entries.push(entry);
    ready.then((answer) => {
      if (answer === null) this.#drop(entry);
      else entry.until = Date.now() + seconds * 1000;
    });
  }

  // The newest; null: nothing can be taken back any more.
  get last() {
    this.entries = this.entries.filter(({ until }) => Date.now() <= until);
    return this.entries.at(-1) || null;
  }

  // Seconds left for the newest; 0 for none.
  get secondsLeft() {
    const { last } = this;
    return last ? Math.ceil((last.until - Date.now()) / 1000) : 0;
  }

  pop() {
    const { last } = this;
    if (last) this.#drop(last);
    return last;
  }

  #drop(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
  }
}
