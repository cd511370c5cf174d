// The rater's work: which study and which text of it, the next one fetched ahead, and what becomes of ratings. Knows no
// page; `on(work)` is called after every change.

import { Line } from "../shared/line.js";
import { ratings } from "./service.js";
import { RatingTask } from "./task.js";
import { Unsent } from "./unsent.js";

export class RatingWork {
  constructor(drafts, criteria, on) {
    this.drafts = drafts;
    this.criteria = criteria;
    this.on = () => on(this);
    this.phase = "loading"; // loading, rating, done, none
    this.studies = [];
    this.study = null;
    this.current = null;
    this.trouble = 0; // a place whose rating was refused
    this.notice = null; // {kind: info | warning | error, text}
    this.fetched = new Map(); // place → RatingTask, or the promise of one
    this.line = new Line(this.on);
    this.unsent = new Unsent(drafts, this.line, {
      accepted: (entry, receipt) => this.#accepted(entry, receipt),
      refused: (entry, error) => this.#refused(entry, error),
      on: this.on,
    });
  }

  async start() {
    this.unsent.sendKept();
    await this.#readStudies();
    const last = this.drafts.text("at");
    const open = this.studies.filter((study) => !study.is_closed);
    const chosen = open.find((study) => study.study === last?.study) || open.find((study) => study.next) || open[0];
    if (!chosen) {
      this.phase = "none";
      return this.on();
    }
    await this.open(chosen.study, chosen.study === last?.study ? last.place : undefined);
  }

  stop() {
    this.line.stop();
  }

  // At the place where the person was, else at the first that has no rating.
  async open(name, place) {
    this.study = this.studies.find((study) => study.study === name);
    this.fetched.clear();
    this.trouble = 0;
    if (!place && !this.study.next) return this.#finish();
    await this.go(place || this.study.next);
  }

  async go(place) {
    const asked = this.#newWish();
    this.drafts.saveText("at", { study: this.study.study, place });
    const ready = this.fetched.get(place);
    if (!(ready instanceof RatingTask)) {
      this.phase = "loading";
      this.on();
    }
    const task = await this.#fetch(place);
    if (this.wish !== asked) return; // gone on meanwhile
    this.current = task;
    this.phase = "rating";
    this.on();
    if (place < task.tasks) this.#fetch(place + 1).catch(() => {});
  }

  // Saves and goes on. Returns what is wrong with it, or null.
  save() {
    const task = this.current;
    if (task.isRated && !task.isChanged) {
      this.next();
      return null;
    }
    const wrong = task.wrong(this.criteria);
    if (wrong) return wrong;
    if (!task.isRated) this.study.rated += 1;
    const rating = task.rating();
    this.unsent.put(task.study, task.place, rating); // kept before it is sent, and only then forgotten as typed
    this.drafts.dropText(this.#name(task.place));
    if (this.trouble === task.place) this.trouble = 0;
    this.notice = null;
    this.next();
    return null;
  }

  next() {
    if (this.current.place < this.current.tasks) this.#try(this.go(this.current.place + 1));
    else this.#try(this.#rest());
  }

  back() {
    if (this.phase === "done") this.#try(this.go(this.study.tasks));
    else if (this.current?.place > 1) this.#try(this.go(this.current.place - 1));
  }

  // What needs the person: a rating that was refused, else the first text without one.
  openOne() {
    this.#try(this.trouble ? this.go(this.trouble) : this.#rest());
  }

  keepLocally() {
    const task = this.current;
    if (task.isChanged) this.drafts.saveText(this.#name(task.place), task.typed());
    else this.drafts.dropText(this.#name(task.place));
  }

  say(kind, text) {
    this.notice = text ? { kind, text } : null;
    this.on();
  }

  #try(promise) {
    promise.catch((error) => this.say("error", error.message));
  }

  // After the last place: the first without a rating. Asked when nothing is on its way, or it would be one of those.
  async #rest() {
    const asked = this.#newWish();
    this.phase = "loading";
    this.on();
    await this.unsent.settled();
    await this.#readStudies();
    if (this.wish !== asked) return; // gone on meanwhile
    if (this.study.next) await this.go(this.study.next);
    else this.#finish();
  }

  // Where the person wants to be; an answer to an earlier wish comes too late.
  #newWish() {
    return (this.wish = Symbol());
  }

  #finish() {
    this.#newWish();
    this.current = null;
    this.phase = "done";
    this.on();
  }

  async #readStudies() {
    this.studies = await this.line.persist(ratings.studies);
    if (this.study) this.study = this.studies.find((study) => study.study === this.study.study) || this.study;
  }

  // Nothing is asked twice at a time.
  #fetch(place) {
    const known = this.fetched.get(place);
    if (known) return Promise.resolve(known);
    const study = this.study.study;
    const asked = this.line
      .persist(() => ratings.task(study, place))
      .then(
        (given) => {
          const task = new RatingTask(given);
          this.#restore(task);
          if (this.study.study === study) this.fetched.set(place, task);
          return task;
        },
        (error) => {
          this.fetched.delete(place);
          throw error;
        },
      );
    this.fetched.set(place, asked);
    return asked;
  }

  // What is on its way to the service, and what was typed and not saved.
  #restore(task) {
    const sent = this.unsent.last(task.study, task.place);
    if (sent) {
      task.put(sent.rating);
      task.savedAs = task.print();
    }
    const typed = this.drafts.text(this.#name(task.place, task.study));
    if (typed) task.put(typed);
  }

  #name(place, study = this.study.study) {
    return `${study}.${place}`;
  }

  #accepted(entry, receipt) {
    const task = this.#taskOf(entry);
    if (task) task.version = receipt.version;
    if (this.study?.study === entry.study) this.study.rated = Math.max(receipt.rated, this.study.rated);
    this.on();
  }

  // What was typed stays with the person; the service's version is read anew.
  #refused(entry, error) {
    const name = this.#name(entry.place, entry.study);
    if (!this.drafts.text(name)) this.drafts.saveText(name, entry.rating);
    const where = this.study?.study === entry.study ? `Text ${entry.place}` : `Text ${entry.place} of ${entry.study}`;
    if (this.study?.study === entry.study) {
      this.trouble = entry.place;
      this.fetched.delete(entry.place);
      if (this.current?.place === entry.place) this.#try(this.go(entry.place));
    }
    this.say("error", `${where} was not saved: ${error.message}. Your rating is kept here; Alt+G goes there.`);
    this.#try(this.#readStudies().then(this.on));
  }

  #taskOf(entry) {
    const task = this.study?.study === entry.study ? this.fetched.get(entry.place) : null;
    return task instanceof RatingTask ? task : null;
  }
}
