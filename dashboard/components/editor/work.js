// The desk's work: which item is in hands, which one comes next, and what is on its way to the service. Knows no page.
//
// `on(state)` is called after every change. A submit is kept in the browser before it is sent and sent until the service
// has answered; the next item, fetched ahead, is shown meanwhile.

import { Line } from "./line.js";
import { holdItem } from "./locks.js";
import { Refused, clock, service } from "./service.js";
import { Task, sameText } from "./task.js";

const AHEAD = 1; // items fetched before they are needed
const POLL_MS = 5_000;
const POLL_LONGEST_MS = 30_000;
export const UNDO_MS = 60_000;

export class Work {
  constructor(drafts, on) {
    this.drafts = drafts;
    this.on = () => on(this);
    this.phase = "loading"; // loading, editing, empty
    this.current = null;
    this.ahead = [];
    this.sending = 0; // submits not acknowledged yet
    this.line = new Line(this.on);
    this.last = null; // the receipt that can be undone: {receipt, until}
    this.progress = null;
    this.notice = null; // {kind: info | warning | error, text}
    this.versions = null; // texts to choose from after a conflict
    this.isStopped = false;
  }

  async start() {
    for (const submit of this.drafts.submits()) this.#send(submit, null);
    const items = await this.line.persist(service.held);
    for (const item of items) await this.#take(item);
    // What was being edited comes first: here, else on another machine.
    this.ahead.sort((a, b) => this.#newest(b) - this.#newest(a));
    this.advance();
    this.readProgress();
  }

  stop() {
    this.isStopped = true;
    this.line.stop();
    for (const task of [this.current, ...this.ahead]) task?.unlock();
  }

  // Shows the next item, at once where one was fetched ahead.
  advance() {
    this.current?.unlock();
    this.current = this.ahead.shift() || null;
    if (this.current) this.#show();
    else {
      this.phase = "loading";
      this.on();
    }
    this.fill();
  }

  // Claims until the wanted number of items is there; polls an empty queue.
  async fill() {
    if (this.isFilling || this.isStopped) return;
    this.isFilling = true;
    let wait = POLL_MS;
    try {
      while (!this.isStopped && (!this.current || this.ahead.length < AHEAD)) {
        const item = await this.#claim();
        if (item) {
          await this.#take(item);
          wait = POLL_MS;
          if (!this.current) this.#next();
        } else {
          if (this.current) break; // asked again after the next submit
          this.phase = "empty";
          this.on();
          await this.line.pause(wait);
          wait = Math.min(wait * 1.5, POLL_LONGEST_MS);
        }
      }
    } catch (error) {
      this.phase = this.current ? this.phase : "empty";
      this.say("error", error.message);
    } finally {
      this.isFilling = false;
    }
  }

  // Hands the text in and goes on. Returns what is wrong with it, or "".
  submit() {
    const task = this.current;
    const wrong = wrongWith(task);
    if (wrong) return wrong;
    const submit = task.submit();
    this.drafts.saveSubmit(submit);
    this.#send(submit, task);
    this.notice = null;
    this.advance();
    return "";
  }

  skip() {
    return this.#part((task) => service.skip(task.item.token), "Skipped: others get it first.");
  }

  exclude(reason, detail) {
    return this.#part((task) => service.exclude(task.item, reason, detail), "Set aside.");
  }

  sendToOwner(comment) {
    return this.#part((task) => service.sendToOwner(task.item.token, comment), "Sent to the owner.");
  }

  async undo() {
    const last = this.last;
    if (!last || Date.now() > last.until) return this.say("warning", "There is nothing to undo: a submit can be taken back for a minute.");
    this.last = null;
    try {
      const item = await this.line.persist(() => service.undo(last.receipt));
      const unlock = (await holdItem(item.token)) || (() => {});
      if (this.current) this.ahead.unshift(this.current);
      this.current = new Task(item, unlock);
      this.#show();
      this.say("info", "Taken back: it is yours again.");
      this.readProgress();
    } catch (error) {
      this.say("error", error.message);
    }
  }

  // Saves the draft with the service; the browser has it already.
  async saveDraft(task, options = {}) {
    const print = task.print();
    if (print === task.savedText || (task.isSaving && !options.lasting)) return;
    task.isSaving = true;
    try {
      await service.draft(task.draft(), options);
      task.markSaved(print);
      this.line.isBack();
    } catch (error) {
      this.#fails(error, task);
    } finally {
      task.isSaving = false;
    }
    this.on();
  }

  keepLocally(task) {
    this.drafts.saveText(task.item.pair_id, { text: task.text, comment: task.comment, token: task.item.token });
  }

  async heartbeat(task, isActive) {
    try {
      const answer = await service.heartbeat(task.item.token, isActive);
      task.expiresAt = Date.parse(answer.expires_at);
      this.line.isBack();
    } catch (error) {
      this.#fails(error, task);
    }
  }

  async readProgress() {
    try {
      this.progress = await service.progress();
      this.on();
    } catch {
      // shown when it is there
    }
  }

  say(kind, text) {
    this.notice = text ? { kind, text } : null;
    this.on();
  }

  // The person has chosen what to go on with after a conflict.
  choose(text, comment) {
    this.current.put(text, comment);
    this.keepLocally(this.current);
    this.versions = null;
    this.on();
  }

  closeVersions() {
    if (this.versions?.pairId && !this.versions.task) this.drafts.dropText(this.versions.pairId);
    this.versions = null;
    this.on();
  }

  // Tries to get a lost item back with the person's text in it.
  async reclaim() {
    const { pairId, mine, comment } = this.versions;
    const item = await this.line.persist(service.claim);
    if (!item) return this.say("warning", "It isn't in the queue now. Your text is kept with the pair.");
    const unlock = (await holdItem(item.token)) || (() => {});
    const task = new Task(item, unlock);
    if (this.current) this.ahead.unshift(this.current);
    this.current = task;
    if (item.pair_id === pairId) {
      task.put(mine, comment);
      this.versions = null;
      this.#restore(task, { text: mine, comment, token: item.token });
      this.phase = "editing";
      this.say("info", "It is yours again, with your text.");
    } else {
      this.#show();
      this.say("warning", "Another item came instead: that one is with somebody else or waits further back. Your text is kept.");
    }
  }

  async #claim() {
    try {
      return await this.line.persist(service.claim);
    } catch (error) {
      if (!error.isLate) throw error;
      if (!this.current && !this.sending) this.say("warning", error.message);
      return null; // as many in hands as the rules allow: other tabs have some, or a submit is on its way
    }
  }

  #next() {
    this.current = this.ahead.shift();
    this.#show();
  }

  async #take(item) {
    const unlock = await holdItem(item.token);
    if (unlock) this.ahead.push(new Task(item, unlock));
  }

  #newest(task) {
    const local = this.drafts.text(task.item.pair_id);
    return Math.max(local ? local.at : 0, task.item.draft ? Date.parse(task.item.draft.saved_at) : 0);
  }

  #show() {
    const task = this.current;
    this.phase = "editing";
    this.#restore(task, this.drafts.text(task.item.pair_id));
    this.on();
    this.heartbeat(task, true); // working time counts from here
  }

  // The draft of this browser, of the service, or the choice between them.
  #restore(task, local) {
    const saved = task.item.draft;
    if (saved) {
      task.put(saved.text, saved.comment);
      task.markSaved(task.print());
    }
    if (!local || (saved && sameText(local.text, saved.text) && local.comment === saved.comment)) return;
    if (saved && local.token !== task.item.token) {
      this.versions = this.#versionsOf(task, local, "A text of this item was also saved from somewhere else.");
      this.versions.server = { label: "Saved with the service", text: saved.text };
      return;
    }
    task.put(local.text, local.comment);
  }

  #versionsOf(task, mine, why) {
    return { pairId: task.item.pair_id, task, why, mine: mine.text, comment: mine.comment, server: null, original: task.raw };
  }

  async #send(submit, task) {
    this.sending++;
    this.on();
    try {
      const receipt = await this.line.persist(() => service.submit(submit));
      this.drafts.dropText(submit.pair_id);
      this.last = { receipt, until: Date.now() + UNDO_MS };
      this.drafts.dropSubmit(submit);
      this.readProgress();
      this.line.wake(); // one item less in hands: the next may be claimed
      this.fill();
    } catch (error) {
      this.drafts.dropSubmit(submit);
      await this.#refused(error, submit, task);
    } finally {
      this.sending--;
      this.on();
    }
  }

  async #refused(error, submit, task) {
    const mine = { text: submit.final, comment: submit.comment };
    this.drafts.saveText(submit.pair_id, { ...mine, token: submit.token });
    if (error.isLate) return this.#conflict(submit.pair_id, mine, task ? task.raw : submit.final, error.message);
    if (!task) return this.say("error", `A text of an earlier visit was refused: ${error.message}`);
    task.renewKey();
    if (this.current) this.ahead.unshift(this.current);
    this.current = task;
    this.phase = "editing";
    this.say("error", error.message);
  }

  async #conflict(pairId, mine, original, why) {
    const versions = { pairId, task: null, why, mine: mine.text, comment: mine.comment, server: null, original };
    this.versions = versions;
    this.on();
    try {
      const pair = await this.line.persist(() => service.pair(pairId));
      const who = pair.annotator ? `, by ${pair.annotator}` : "";
      const text = pair.final || (pair.revision ? pair.revision.revised : pair.raw);
      versions.server = { label: `In the service now: ${pair.status}${who}`, text };
      versions.original = pair.raw;
      versions.isFree = pair.status === "revised" || pair.status === "returned";
    } catch (error) {
      versions.server = { label: error.message, text: null };
    }
    this.on();
  }

  // Gives the current item away by `ask` and goes on.
  async #part(ask, done) {
    const task = this.current;
    if (!task || this.isParting) return;
    this.isParting = true;
    try {
      await this.saveDraft(task);
      if (task !== this.current) return;
      await this.line.persist(() => ask(task));
      this.drafts.dropText(task.item.pair_id);
      this.notice = { kind: "info", text: done };
      this.advance();
      this.readProgress();
    } catch (error) {
      if (error.isLate) this.#lost(task, error);
      else this.say("error", error.message);
    } finally {
      this.isParting = false;
    }
  }

  #fails(error, task) {
    if (!(error instanceof Refused)) throw error;
    if (error.isSignedOut || error.isAway) this.line.isDown(error);
    else if (error.isLate) this.#lost(task, error);
    else this.say("error", error.message);
  }

  // The lease is over: what was written is kept here and, as a draft, with the service.
  #lost(task, error) {
    if (task !== this.current) {
      this.ahead = this.ahead.filter((other) => other !== task);
      task.unlock();
      return;
    }
    if (task.isTouched) {
      this.keepLocally(task);
      if (task.isChanged) service.draft(task.draft()).catch(() => {});
      this.#conflict(task.item.pair_id, { text: { ...task.text }, comment: task.comment }, task.raw, error.message);
    } else {
      this.notice = { kind: "warning", text: `The item went back into the queue: ${error.message}` };
    }
    this.advance();
  }
}

function wrongWith(task) {
  const { instruction, response } = task.scores;
  if ((instruction === null) !== (response === null)) return "Give both scores or none.";
  if (!task.text.instruction.trim()) return "The instruction is empty.";
  if (!task.text.response.trim()) return "The response is empty; exclude the pair if there is nothing to answer.";
  return "";
}

export function leaseSeconds(task) {
  return task.secondsLeft(clock.now());
}
