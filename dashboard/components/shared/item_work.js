// What the work with items in hands shares: saving what is typed, notices, and what went wrong. A kind of work says how
// a draft is sent (`sendDraft(one, options)`) and what happens when an item is lost (`lost(one, error)`) or is written
// on in another browser too (`diverged(one)`).

import { Done } from "./done.js";
import { Line } from "./line.js";
import { Refused } from "./service.js";
import { Versions } from "./versions.js";

export class ItemWork {
  // `on(work)` is called after every change.
  constructor(drafts, on) {
    this.drafts = drafts;
    this.on = () => on(this);
    this.phase = "loading"; // loading, editing, empty
    this.current = null;
    this.done = new Done();
    this.notice = null; // {kind: info | warning | error, text}
    this.line = new Line(this.on);
    this.versions = new Versions(drafts, this.line, this.on);
  }

  // Saves the draft with the service; the browser has it already.
  async saveDraft(one, options = {}) {
    const print = one.print();
    if (one.isDiverged || print === one.savedText || (one.isSaving && !options.lasting)) return;
    one.isSaving = true;
    try {
      await this.sendDraft(one, options);
      one.markSaved(print);
      if (one === this.current) this.keepLocally(one);
      this.line.isBack();
    } catch (error) {
      this.fails(error, one);
    } finally {
      one.isSaving = false;
    }
    this.on();
  }

  // What was done last, whatever it was; `again(item, kept)` takes the item in hands.
  async takeBack(none, again) {
    if (this.isTakingBack) return;
    const entry = this.done.pop();
    if (!entry) return this.say("warning", none);
    this.isTakingBack = true;
    try {
      const answer = await entry.ready; // what is still on its way is what was done last
      if (answer === null) return;
      await again(await this.line.persist(() => entry.undo(answer)), entry.kept);
    } catch (error) {
      this.say("error", error.message);
    } finally {
      this.isTakingBack = false;
    }
  }

  say(kind, text) {
    this.notice = text ? { kind, text } : null;
    this.on();
  }

  isEmpty() {
    this.phase = "empty";
    this.on();
  }

  failed(error) {
    if (!this.current) this.phase = "empty";
    this.say("error", error.message);
  }

  // What the service answered to a draft or a heartbeat.
  fails(error, one) {
    if (!(error instanceof Refused)) throw error;
    if (error.isSignedOut || error.isAway) this.line.isDown(error);
    else if (error.isDiverged) this.diverged(one);
    else if (error.isLate) this.lost(one, error);
    else this.say("error", error.message);
  }
}
