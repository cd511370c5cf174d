// The owner's work: the item that they review and the one that comes next. Knows no page; `on(work)` is called after
// every change.

import { ItemWork } from "../shared/item_work.js";
import { holdItem } from "../shared/locks.js";
import { service } from "../shared/service.js";
import { sameText } from "../shared/typed.js";
import { Case } from "./case.js";
import { Decisions } from "./decisions.js";
import { Waiting } from "./waiting.js";

const SAID = { approve: "Approved.", fix: "Approved with your text.", return: "Sent back." };

export class ReviewWork extends ItemWork {
  // `writer`: this browser's own name.
  constructor(drafts, writer, on) {
    super(drafts, on);
    this.writer = writer;
    this.waiting = new Waiting(this.line, {
      hasWork: () => Boolean(this.current),
      inHands: () => this.current?.item.pair_id,
      came: () => this.#came(),
      nothing: () => this.isEmpty(),
      counted: this.on,
      settled: () => this.outgoing.settled(),
      failed: (error) => this.failed(error),
    });
    this.outgoing = new Decisions(drafts, this.line, {
      accepted: (decision) => this.#accepted(decision),
      refused: (error, decision, one) => this.#refused(error, decision, one),
      on: this.on,
    });
  }

  async start() {
    this.outgoing.sendKept();
    await this.waiting.fill();
  }

  stop() {
    this.line.stop();
    this.current?.unlock();
    this.waiting.ahead?.unlock();
    this.#release({ lasting: true });
  }

  // Decides about the item and goes on. Returns what is wrong with that, or "".
  decide(kind) {
    const one = this.current;
    if (this.isExcluding) return ""; // it is on its way elsewhere
    const wrong = one.wrong(kind);
    if (wrong) return wrong;
    this.waiting.markDecided(one.item);
    this.#push(one, this.outgoing.put(one, kind));
    this.notice = null;
    this.advance();
    return "";
  }

  undo() {
    return this.takeBack("There is nothing to undo: you have decided nothing here.", async (item, kept) => {
      const one = new Case(item, (await holdItem(`review.${item.pair_id}.${item.version}`)) || (() => {}));
      if (this.current) this.waiting.putFirst(this.current);
      this.current = one;
      one.put(kept.text, kept.comment);
      this.#show();
      this.say("info", "Undone: it waits for your decision again.");
    });
  }

  // Tells the service that the items in hands are still looked at.
  hold() {
    const ids = this.#inHands();
    if (ids.length) service.holdReviews(ids).catch((error) => this.line.isDown(error));
  }

  // This one comes again after the others.
  later() {
    const one = this.current;
    this.keepLocally(one);
    this.saveDraft(one);
    this.waiting.putOff(one);
    this.notice = null;
    this.advance();
  }

  async exclude(reason, detail) {
    const one = this.current;
    if (!one || this.isExcluding) return;
    this.isExcluding = true;
    try {
      const { version } = await this.line.persist(() => service.exclude(one.item, reason, detail));
      this.#push(one, Promise.resolve(version));
      this.#gone(one, "Excluded; it can be restored.");
    } catch (error) {
      if (error.isLate) await this.#excludedBefore(one, reason, error);
      else this.say("error", error.message);
    } finally {
      this.isExcluding = false;
    }
  }

  advance() {
    this.current?.unlock();
    this.current = this.waiting.next();
    if (this.current) this.#show();
    else {
      this.phase = "loading";
      this.on();
    }
    this.waiting.fill();
  }

  async choose(of) {
    const one = this.current;
    if (one) {
      this.keepLocally(one);
      this.saveDraft(one);
      one.unlock();
    }
    await this.#release();
    this.current = null;
    this.phase = "loading";
    this.on();
    await this.waiting.choose(of);
  }

  sendDraft(one, options) {
    return service.reviewDraft(one.draft(this.writer), options);
  }

  keepLocally(one) {
    if (one.isTouched) this.drafts.saveText(one.item.pair_id, one.kept());
    else this.drafts.dropText(one.item.pair_id);
  }

  // The owner has chosen what to go on with.
  take(text, comment) {
    this.current.put(text, comment);
    this.keepLocally(this.current);
    this.saveDraft(this.current);
    this.versions.close();
  }

  // After a decision that came too late: the pair as it waits now, with the owner's text in it.
  async lookAgain() {
    const { pairId, mine, comment } = this.versions.shown;
    const [isMine] = await this.line.persist(() => service.holdReviews([pairId]));
    const { items } = await this.line.persist(() => service.reviews(500, ""));
    const item = isMine && items.find((one) => one.pair_id === pairId);
    if (!item) return this.say("warning", "The pair is not waiting for review now. Your text is kept with it.");
    this.versions.close();
    this.drafts.saveText(pairId, { text: mine, comment, version: item.version });
    if (this.current) this.waiting.putFirst(this.current);
    this.current = new Case(item, () => {});
    this.phase = "editing";
    this.#show();
    this.say("info", "The pair as it is now, with your text.");
  }

  #accepted({ decision }) {
    this.line.wake();
    if (!this.notice || this.notice.kind === "info") this.say("info", SAID[decision]);
  }

  #push(one, ready) {
    const { pair_id: pairId } = one.item;
    const kept = { text: { ...one.text }, comment: one.comment };
    this.done.push({ ready, undo: (version) => service.reopen(pairId, version), kept });
  }

  #inHands() {
    const all = [this.current?.item, ...this.waiting.inHands];
    return all.filter(Boolean).map((item) => item.pair_id);
  }

  // Others may have what nothing was typed for.
  async #release(options) {
    const { current, waiting } = this;
    const items = [current?.isTouched ? null : current?.item, waiting.ahead?.item, ...waiting.items].filter(Boolean);
    if (items.length)
      await service
        .releaseReviews(
          items.map((item) => item.pair_id),
          options,
        )
        .catch(() => {});
  }

  #came() {
    if (this.current) return this.on();
    this.current = this.waiting.next();
    this.#show();
    this.waiting.fill();
  }

  #show() {
    this.phase = "editing";
    this.#restore(this.current, this.drafts.text(this.current.item.pair_id));
    this.on();
  }

  // What the owner had typed: in this browser, with the service, or the choice between them.
  #restore(one, local) {
    const { draft: saved, version } = one.item;
    if (one.isTouched) return; // it was put off, with its text
    if (saved && saved.version === version && saved.writer === this.writer) {
      one.put(saved.text, saved.comment);
      one.markSaved(one.print());
    }
    const typed = local || saved;
    if (!typed) return;
    const text = typed.text || one.start;
    if (local && saved && saved.writer !== this.writer && !isSame(local, saved)) {
      this.versions.compareDrafts(one, { ...local, text });
    } else if (typed.version !== version) {
      this.versions.compareNow(one, { ...typed, text }, "The pair has changed since you wrote this.");
    } else {
      one.put(text, typed.comment);
    }
  }

  #refused(error, decision, one) {
    this.waiting.forget(one ? one.item : decision);
    const mine = {
      text: decision.final || one?.start || { instruction: "", input: "", response: "" },
      comment: decision.comment,
    };
    if (error.isLate && (decision.final || decision.comment))
      return this.versions.compareLost(decision.pair_id, mine, one ? one.raw : mine.text, error.message);
    if (error.isLate || !one) return this.say("warning", `Not stored: ${error.message}`);
    one.renewKey();
    if (this.current) this.waiting.putFirst(this.current);
    this.current = one;
    this.phase = "editing";
    this.say("error", error.message);
  }

  // The pair has changed: what was typed is kept here and with the service.
  lost(one, error) {
    if (one !== this.current) return;
    this.waiting.markDecided(one.item);
    this.versions.compareLost(
      one.item.pair_id,
      { text: { ...one.text }, comment: one.comment },
      one.raw,
      error.message,
    );
    this.advance();
  }

  #gone(one, said) {
    this.waiting.markDecided(one.item);
    this.drafts.dropText(one.item.pair_id);
    this.notice = { kind: "info", text: said };
    if (one === this.current) this.advance();
  }

  // A lost answer: it was excluded the first time.
  async #excludedBefore(one, reason, error) {
    const pair = await this.line.persist(() => service.pair(one.item.pair_id));
    if (pair.exclude_reason === reason) return this.#gone(one, "Excluded; it can be restored.");
    this.lost(one, error);
  }
}

function isSame(local, saved) {
  return (!local.text || sameText(local.text, saved.text)) && local.comment === saved.comment;
}
