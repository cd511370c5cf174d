// Texts of one pair to choose from after a conflict: the person's, the service's, the original.

import { service } from "./service.js";
import { outcomeOf, sentence } from "./words.js";

export class Versions {
  constructor(drafts, line, on) {
    this.drafts = drafts;
    this.line = line;
    this.on = on;
    // {pairId, task, why, mine, comment, server, original, isFree, isWaiting, kept}; `task` while it is in hands
    this.shown = null;
  }

  // This browser and the service hold different drafts of an item.
  compareDrafts(task, local) {
    const why = "A text of this item was also saved from somewhere else.";
    this.#show(task.item.pair_id, local, task.raw, why, task);
    const { text, comment } = task.item.draft;
    this.shown.server = { label: "Saved in the service", text, comment };
  }

  // The pair has changed since `typed` was written on it.
  compareNow(task, typed, why) {
    this.#show(task.item.pair_id, typed, task.raw, why, task);
    this.shown.server = { label: "As it is now", text: task.start, comment: "" };
  }

  // The item is lost: what became of the pair is fetched, and stands beside the person's text. What to do about it
  // the buttons say: the advice behind the semicolon of `why` holds for a pair that is free alone.
  // `kept` is fulfilled when the service has the text: until then the browser's copy stays.
  async compareLost(pairId, mine, original, why, kept = Promise.resolve()) {
    const shown = this.#show(pairId, mine, original, why.split("; ")[0].replace(/\.?$/, "."), null);
    shown.kept = kept.then(
      () => true,
      () => false,
    );
    this.on();
    try {
      const pair = await this.line.persist(() => service.pair(pairId));
      const text = pair.final || (pair.revision ? pair.revision.revised : pair.raw);
      shown.server = { label: outcomeOf(pair), text };
      shown.original = pair.raw;
      shown.isFree = pair.status === "revised" || pair.status === "returned";
      shown.isWaiting = pair.status === "post_edited";
    } catch (error) {
      shown.server = { label: sentence(error.message), text: null };
    }
    this.on();
  }

  // Continues without the item: the text is in the service.
  leave() {
    const { shown } = this;
    if (shown && !shown.task) shown.kept?.then((isKept) => isKept && this.drafts.dropText(shown.pairId));
    this.close();
  }

  close() {
    this.shown = null;
    this.on();
  }

  #show(pairId, { text, comment }, original, why, task) {
    this.shown = {
      pairId,
      task,
      why: sentence(why),
      mine: text,
      comment,
      server: null,
      original,
      isFree: false,
      isWaiting: false,
    };
    return this.shown;
  }
}
