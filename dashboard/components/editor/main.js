// The post-edit desk's entry: joins the work, what is seen of it, the keyboard and the clock.

import { Autosave } from "../shared/autosave.js";
import * as dialogs from "../shared/dialogs.js";
import { isDark } from "../shared/dom.js";
import { Drafts } from "../shared/drafts.js";
import { actionOf } from "../shared/keys.js";
import { mounted } from "../shared/mounted.js";
import { paceOf } from "../shared/pace.js";
import { textActions } from "../shared/texts.js";
import { nameClasses } from "../shared/words.js";
import { View } from "./view.js";
import { Work } from "./work.js";

const TICK_MS = 1_000;
const IDLE_MS = 300_000; // and after this the lease is left to run out

export default mounted((host, data) => new Desk(host, data));

class Desk {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.lastActive = Date.now();
    this.lastHeartbeat = Date.now();
    nameClasses(data.classNames);
    this.pace = paceOf(data.idleSeconds);
    this.view = new View(host, data, this.#actions());
    this.work = new Work(new Drafts(data.person), data.undoSeconds, (work) => this.view.update(work));
    this.autosave = new Autosave({
      isInHands: (task) => task === this.work.current,
      keep: (task) => this.work.keepLocally(task),
      save: (task, options) => this.work.saveDraft(task, options),
    });
    this.stopping = new AbortController();
    this.#listen();
    this.showTheme();
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.work.start(this.data.beginsAtOnce).catch((error) => this.work.say("error", error.message));
  }

  stop() {
    this.#flush();
    clearInterval(this.timer);
    this.stopping.abort();
    this.work.stop();
  }

  showTheme() {
    this.host.dataset.theme = isDark(this.host) ? "dark" : "light";
  }

  #actions() {
    return {
      edit: (field, text) => this.#edited((task) => (task.text[field] = text)),
      score: (what, value) =>
        what === "comment" ? this.#edited((task) => (task.comment = value)) : this.work.say("", ""),
      submit: () => this.#submit(),
      begin: () => this.work.begin(),
      undo: () => this.work.undo(),
      skip: () => this.work.skip(),
      exclude: () =>
        this.#dialog(() =>
          dialogs.exclude(this.view.desk, this.data.reasons, (reason, detail) => this.work.exclude(reason, detail)),
        ),
      owner: () =>
        this.#dialog(() =>
          dialogs.owner(this.view.desk, this.work.current.comment, (comment) => this.work.sendToOwner(comment)),
        ),
      ...textActions(() => this.view.texts),
      scores: () => this.view.toggleDock(),
      signin: () =>
        this.work.line.isSignedOut &&
        dialogs.signInAgain(this.view.desk, this.data.hasProvider, () => this.work.line.resume()),
      help: () => dialogs.help(this.view.desk),
      escape: () => this.view.root.activeElement?.blur(),
    };
  }

  #dialog(open) {
    if (this.work.current) open();
  }

  #submit() {
    if (this.view.isFresh) return;
    const wrong = this.view.dock.wrong() || this.work.submit();
    if (wrong) this.work.say("error", wrong);
  }

  #edited(change) {
    const task = this.work.current;
    if (!task) return;
    change(task);
    if (this.work.notice) this.work.say("", "");
    this.autosave.edited(task);
    this.view.tick(this.work);
  }

  #flush() {
    this.autosave.flush(this.work.current);
  }

  #listen() {
    const options = { capture: true, signal: this.stopping.signal };
    window.addEventListener("keydown", (event) => this.#pressed(event), options);
    for (const name of ["keydown", "pointerdown", "pointermove", "wheel"])
      window.addEventListener(name, () => this.#active(), { ...options, passive: true });
    window.addEventListener("pagehide", () => this.#flush(), options);
    window.addEventListener("online", () => this.work.line.wake(), options);
    document.addEventListener("visibilitychange", () => this.#visible(), options);
    // Streamlit has shortcuts of its own and takes letters typed in here for them.
    this.host.addEventListener("keydown", (event) => event.stopPropagation());
  }

  #pressed(event) {
    if (!this.host.isConnected) return;
    const focused = this.view.root.activeElement;
    const isTyping = Boolean(focused?.matches("textarea, input:not([type=checkbox]):not([type=radio])"));
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && focused?.dataset.hunk !== undefined)
      return this.#run("revert", event);
    const action = actionOf(event, isTyping);
    if (!action || this.view.dialog) return;
    if (action === "escape" && !focused) return;
    if (!event.repeat || action === "next" || action === "previous") this.#run(action, event);
  }

  #run(action, event) {
    event.preventDefault();
    event.stopPropagation();
    if (action === "submit" && this.work.phase === "ready") return this.work.begin();
    const needsItem = !["help", "escape", "undo", "signin"].includes(action);
    if (needsItem && this.work.phase !== "editing") return;
    this.view.act[action]();
    this.#active();
  }

  #active() {
    const wasIdle = Date.now() - this.lastActive > this.pace.activeMs;
    this.lastActive = Date.now();
    if (wasIdle) this.#beat();
  }

  #visible() {
    const { line } = this.work;
    if (document.visibilityState !== "visible") this.#flush();
    else if (line.isSignedOut)
      line.resume(); // the person may have signed in in another tab
    else line.wake();
  }

  #tick() {
    this.view.tick(this.work);
    const isIdle = Date.now() - this.lastActive > IDLE_MS;
    const { current: task, line } = this.work;
    if (task && !line.isSignedOut) this.autosave.retry(task);
    // Idle for long: nothing keeps the item, except that its end is noticed.
    const isOver = task && task.secondsLeft(Date.now()) < -1;
    if (Date.now() - this.lastHeartbeat > this.pace.beatMs && (!isIdle || isOver)) this.#beat();
  }

  #beat() {
    this.lastHeartbeat = Date.now();
    const isActive = Date.now() - this.lastActive < this.pace.activeMs && document.visibilityState === "visible";
    const { current, ahead, phase } = this.work;
    if (phase === "editing" && current) this.work.heartbeat(current, isActive);
    for (const task of ahead) this.work.heartbeat(task, false);
  }
}
