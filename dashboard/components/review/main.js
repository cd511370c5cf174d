// The review's entry: joins the work, what is seen of it, the keyboard and the clock.

import { Autosave } from "../shared/autosave.js";
import * as dialogs from "../shared/dialogs.js";
import { isDark } from "../shared/dom.js";
import { Drafts } from "../shared/drafts.js";
import { mounted } from "../shared/mounted.js";
import { textActions } from "../shared/texts.js";
import { nameClasses } from "../shared/words.js";
import { KEYS, reviewActionOf } from "./keys.js";
import { ReviewView } from "./view.js";
import { ReviewWork } from "./work.js";

const TICK_MS = 1_000;
const HOLD_MS = 60_000; // how often the service is told which items are in hands
const IDLE_MS = 300_000; // and after this they are left to others
const ALWAYS = ["help", "escape", "signin", "undo"];

export default mounted((host, data) => new Review(host, data));

class Review {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    nameClasses(data.classNames);
    const drafts = new Drafts(`review\n${data.person}`);
    this.view = new ReviewView(host, data, this.#actions());
    this.work = new ReviewWork(drafts, drafts.writer, (work) => this.view.update(work));
    this.autosave = new Autosave({
      isInHands: (one) => one === this.work.current,
      keep: (one) => this.work.keepLocally(one),
      save: (one, options) => this.work.saveDraft(one, options),
    });
    this.activeAt = this.heldAt = Date.now();
    this.stopping = new AbortController();
    this.#listen();
    this.showTheme();
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.work.start().catch((error) => this.work.say("error", error.message));
  }

  stop() {
    this.autosave.flush(this.work.current);
    clearInterval(this.timer);
    this.stopping.abort();
    this.work.stop();
  }

  showTheme() {
    this.host.dataset.theme = isDark(this.host) ? "dark" : "light";
  }

  #actions() {
    return {
      edit: (field, text) => this.#edited((one) => (one.text[field] = text)),
      say: (comment) => this.#edited((one) => (one.comment = comment)),
      choose: (of) => this.work.choose(of).catch((error) => this.work.say("error", error.message)),
      submit: () => this.#decide(this.work.current.approval),
      undo: () => this.work.undo(),
      back: () => this.#decide("return"),
      exclude: () =>
        dialogs.exclude(
          this.view.desk,
          this.data.reasons,
          (reason, detail) => this.work.exclude(reason, detail),
          "Exclude",
        ),
      later: () => this.work.later(),
      comment: () => this.view.facts.comment.focus(),
      ...textActions(() => this.view.texts),
      signin: () =>
        this.work.line.isSignedOut &&
        dialogs.signInAgain(this.view.desk, this.data.hasProvider, () => this.work.line.resume()),
      help: () => dialogs.help(this.view.desk, KEYS),
      escape: () => this.view.root.activeElement?.blur(),
    };
  }

  #decide(kind) {
    if (this.view.isFresh) return;
    const wrong = this.work.decide(kind);
    if (!wrong) return;
    this.work.say("error", wrong);
    if (kind === "return") this.view.facts.comment.focus();
  }

  #edited(change) {
    const one = this.work.current;
    if (!one) return;
    change(one);
    if (this.work.notice) this.work.say("", "");
    this.autosave.edited(one);
    this.view.tick(this.work);
  }

  #listen() {
    const options = { capture: true, signal: this.stopping.signal };
    window.addEventListener("keydown", (event) => this.#pressed(event), options);
    window.addEventListener("pointermove", () => (this.activeAt = Date.now()), { ...options, passive: true });
    window.addEventListener("pagehide", () => this.autosave.flush(this.work.current), options);
    window.addEventListener("online", () => this.work.line.wake(), options);
    document.addEventListener("visibilitychange", () => this.#visible(), options);
    // Streamlit has shortcuts of its own and takes letters typed in here for them.
    this.host.addEventListener("keydown", (event) => event.stopPropagation());
  }

  #pressed(event) {
    this.activeAt = Date.now();
    if (!this.host.isConnected || this.view.dialog) return;
    const focused = this.view.root.activeElement;
    const isTyping = Boolean(focused?.matches("textarea, input[type=text]"));
    const isMark = event.key === "Enter" && !event.ctrlKey && !event.metaKey && focused?.dataset.hunk !== undefined;
    const action = isMark ? "revert" : reviewActionOf(event, isTyping);
    if (!action || (action === "escape" && !focused)) return;
    if (event.repeat && action !== "next" && action !== "previous") return;
    event.preventDefault();
    event.stopPropagation();
    if (ALWAYS.includes(action) || this.work.phase === "editing") this.view.act[action]();
  }

  #visible() {
    const { line } = this.work;
    if (document.visibilityState !== "visible") this.autosave.flush(this.work.current);
    else if (line.isSignedOut)
      line.resume(); // the owner may have signed in in another tab
    else line.wake();
  }

  #tick() {
    this.view.tick(this.work);
    const { current: one, line } = this.work;
    if (one && !line.isSignedOut) this.autosave.retry(one);
    const now = Date.now();
    if (now - this.heldAt < HOLD_MS || now - this.activeAt > IDLE_MS) return;
    this.heldAt = now;
    this.work.hold();
  }
}
