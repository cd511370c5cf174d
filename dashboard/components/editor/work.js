// The desk's work: which item is in hands and which one comes next, fetched ahead. Knows no page; `on(work)` is called
// after every change.

import { ItemWork } from "../shared/item_work.js";
import { holdItem } from "../shared/locks.js";
import { Outgoing } from "./outgoing.js";
import { clock, service } from "../shared/service.js";
import { Supply } from "./supply.js";
import { Task } from "./task.js";
import { sameText } from "../shared/typed.js";

export class Work extends ItemWork {
  constructor(drafts, undoSeconds, on) {
    super(drafts, on);
    this.supply = new Supply(this.line, {
      hasWork: () => Boolean(this.current),
      came: () => this.#came(),
      nothing: () => this.isEmpty(),
      full: (error) => !this.current && !this.outgoing.count && this.say("warning", error.message),
      failed: (error) => this.failed(error),
    });
    this.undoSeconds = undoSeconds;
    this.outgoing = new Outgoing(drafts, this.line, {
      accepted: () => this.#accepted(),
      refused: (error, submit, task) => this.#refused(error, submit, task),
      on: this.on,
    });
    this.progress = null;
  }

  // `beginsAtOnce`: who only looks in gets no item before they say so.
  async start(beginsAtOnce) {
    this.outgoing.sendKept();
    for (const item of await this.line.persist(service.held)) await this.supply.add(item);
    if (!beginsAtOnce && !this.ahead.length) return this.#waitForStart();
    // What was being edited comes first: here, else on another machine.
    this.supply.tasks.sort((a, b) => this.#newest(b) - this.#newest(a));
    this.advance();
    this.readProgress();
  }

  stop() {
    this.line.stop();
    for (const task of [this.current, ...this.ahead]) task?.unlock();
  }

  get ahead() {
    return this.supply.tasks;
  }

  // Shows the next item, at once where one was fetched ahead.
  advance() {
    this.current?.unlock();
    this.current = this.supply.next();
    if (this.current) this.#show();
    else {
      this.phase = "loading";
      this.on();
    }
    this.supply.fill();
  }

  // Hands the text in and goes on. Returns what is wrong with it, or "".
  submit() {
    const task = this.current;
    if (this.isParting) return ""; // it is on its way elsewhere
    const wrong = task.wrong();
    if (wrong) return wrong;
    if (task.isDiverged) {
      this.diverged(task);
      return "";
    }
    this.done.push({ ready: this.outgoing.put(task), undo: service.undo, seconds: this.undoSeconds });
    this.notice = null;
    this.advance();
    return "";
  }

  skip() {
    return this.#part((task) => service.skip(task.item.token), "Skipped: others get it first.");
  }

  exclude(reason, detail) {
    return this.#part((task) => service.exclude(task.item, reason, detail), "Excluded.");
  }

  sendToOwner(comment) {
    return this.#part((task) => service.sendToOwner(task.item.token, comment), "Sent to the owner.");
  }

  async undo() {
    const none = `There is nothing to undo: what you did can be taken back for ${this.undoSeconds} s.`;
    await this.takeBack(none, async (item) => {
      await this.#putFirst(item);
      this.#show();
      this.say("info", "Undone: the item is yours again.");
      this.readProgress();
    });
  }

  sendDraft(task, options) {
    return service.draft({ ...task.draft(), writer: this.drafts.writer }, options);
  }

  keepLocally(task) {
    const { text, comment, isChanged } = task;
    this.drafts.saveText(task.item.pair_id, { text, comment, token: task.item.token, isSaved: !isChanged });
  }

  async heartbeat(task, isActive) {
    try {
      const answer = await service.heartbeat(task.item.token, isActive);
      task.expiresAt = Date.parse(answer.expires_at);
      this.line.isBack();
    } catch (error) {
      this.fails(error, task);
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

  // The person has chosen what to go on with after a conflict.
  choose(text, comment) {
    const task = this.current;
    task.put(text, comment);
    task.seen = task.item.draft.version;
    task.isDiverged = false;
    this.keepLocally(task);
    this.versions.close();
    this.saveDraft(task);
  }

  // Another browser has saved a newer text of the item: the person chooses.
  async diverged(task) {
    task.isDiverged = true;
    this.keepLocally(task);
    try {
      const item = (await this.line.persist(service.held)).find(({ token }) => token === task.item.token);
      if (task !== this.current || !item?.draft) return;
      task.item = { ...task.item, draft: item.draft };
      this.versions.compareDrafts(task, { text: { ...task.text }, comment: task.comment });
      this.on();
    } catch (error) {
      this.say("error", error.message);
    }
  }

  // Tries to get a lost item back with the person's text in it.
  async reclaim() {
    const { pairId, mine, comment } = this.versions.shown;
    const item = await this.line.persist(service.claim);
    if (!item) return this.say("warning", "The item is not in the queue now. Your text is kept with the pair.");
    const task = await this.#putFirst(item);
    if (item.pair_id === pairId) {
      task.put(mine, comment);
      this.versions.close();
      this.#restore(task, { text: mine, comment, token: item.token });
      this.phase = "editing";
      this.say("info", "The item is yours again, with your text.");
    } else {
      this.#show();
      this.say(
        "warning",
        "You got another item: that one is with somebody else or further back in the queue. Your text is kept.",
      );
    }
  }

  begin() {
    if (this.phase === "ready") this.advance();
  }

  #waitForStart() {
    this.phase = "ready";
    this.on();
    this.readProgress();
  }

  #came() {
    if (this.current) return;
    this.current = this.supply.next();
    if (this.current) this.#show();
  }

  // In hands before the one that is.
  async #putFirst(item) {
    const unlock = (await holdItem(item.token)) || (() => {});
    const task = new Task(item, unlock);
    this.#putInHands(task);
    return task;
  }

  #putInHands(task) {
    this.supply.putBack(this.current);
    this.current = task;
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
    const isOlder = saved && local.token !== task.item.token;
    const isElsewhere = saved && saved.writer && saved.writer !== this.drafts.writer;
    if (isElsewhere && !isOlder && local.isSaved) return; // whoever wrote the saved one has seen this one
    if (isOlder || isElsewhere) this.versions.compareDrafts(task, local);
    else task.put(local.text, local.comment);
  }

  #accepted() {
    this.readProgress();
    this.line.wake(); // one item less in hands: the next may be claimed
    this.supply.fill();
  }

  async #refused(error, submit, task) {
    const mine = { text: submit.final, comment: submit.comment };
    if (error.isDiverged && task) {
      task.renewKey();
      this.#putInHands(task);
      this.phase = "editing";
      return this.diverged(task);
    }
    if (error.isLate)
      return this.versions.compareLost(submit.pair_id, mine, task ? task.raw : submit.final, error.message);
    if (!task) return this.say("error", `A text of an earlier visit was refused: ${error.message}`);
    task.renewKey();
    this.#putInHands(task);
    this.phase = "editing";
    this.say("error", error.message);
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
      const { pair_id: pairId } = task.item;
      this.drafts.dropText(pairId);
      const undo = () => service.takeBack(pairId);
      this.done.push({ ready: Promise.resolve(true), undo, seconds: this.undoSeconds });
      this.notice = { kind: "info", text: done };
      this.advance();
      this.readProgress();
    } catch (error) {
      if (error.isLate) this.lost(task, error);
      else this.say("error", error.message);
    } finally {
      this.isParting = false;
    }
  }

  // The lease is over: what was written is kept here and, as a draft, with the service.
  lost(task, error) {
    if (task !== this.current) return this.supply.drop(task);
    if (task.isTouched) {
      this.keepLocally(task);
      this.versions.compareLost(
        task.item.pair_id,
        { text: { ...task.text }, comment: task.comment },
        task.raw,
        error.message,
        task.isChanged ? this.#keepWithPair(task.draft()) : Promise.resolve(),
      );
    } else {
      this.notice = { kind: "warning", text: `The item went back into the queue: ${error.message}` };
    }
    this.advance();
  }

  // Without a lease the service refuses the draft as late, and keeps its text with the pair all the same.
  async #keepWithPair(draft) {
    try {
      await this.line.persist(() => service.draft({ ...draft, writer: this.drafts.writer }));
    } catch (error) {
      if (!error.isLate) throw error;
    }
  }
}

export function leaseSeconds(task) {
  return task.secondsLeft(clock.now());
}
