// What the work with items in hands shares: saving what is typed, notices, and what went wrong. A kind of work says how
// a draft is sent (`sendDraft(one, options)`) and what happens when an item is lost (`lost(one, error)`).

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
    this.notice = null; // {kind: info | warning | error, text}
    this.line = new Line(this.on);
    this.versions = new Versions(drafts, this.line, this.on);
  }

  // Saves the draft with the service; the browser has it already.
  async saveDraft(one, options = {}) {
    const print = one.print();
    if (print === one.savedText || (one.isSaving && !options.lasting)) return;
    one.isSaving = true;
    try {
      await this.sendDraft(one, options);
      one.markSaved(print);
      this.line.isBack();
    } catch (error) {
      this.fails(error, one);
    } finally {
      one.isSaving = false;
    }
    this.on();
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
    else if (error.isLate) this.lost(one, error);
    else this.say("error", error.message);
  }
}
