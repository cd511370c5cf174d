// The rating page's entry: joins the work, what is seen of it, and the keyboard.

import * as dialogs from "../shared/dialogs.js";
import { isDark } from "../shared/dom.js";
import { Drafts } from "../shared/drafts.js";
import { mounted } from "../shared/mounted.js";
import { KEYS, flawOf, isDigit, ratingActionOf } from "./keys.js";
import { View } from "./view.js";
import { RatingWork } from "./work.js";

const SCROLLED = 0.8; // of the visible text, by a page key

export default mounted((host, data) => new Page(host, data));

class Page {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.stopping = new AbortController();
    this.act = this.#actions();
    this.view = new View(host, data, this.act);
    this.work = new RatingWork(new Drafts(`ratings\n${data.person}`), data.criteria, (work) => this.view.update(work));
    this.#listen();
    this.showTheme();
    this.work.start().catch((error) => this.work.say("error", error.message));
  }

  stop() {
    this.stopping.abort();
    this.work.stop();
  }

  showTheme() {
    this.host.dataset.theme = isDark(this.host) ? "dark" : "light";
  }

  #actions() {
    return {
      save: () => this.#save(),
      back: () => this.work.back(),
      next: () => this.work.current && this.work.next(),
      open: () => this.work.study && this.work.openOne(),
      study: (name) => this.work.open(name).catch((error) => this.work.say("error", error.message)),
      scores: () => this.view.card.focus(),
      rubric: () => this.view.card.toggleChecklists(),
      comment: () => this.view.card.comment.focus(),
      changed: () => this.#changed(),
      signin: () =>
        this.work.line.isSignedOut &&
        dialogs.signInAgain(this.view.desk, this.data.hasProvider, () => this.work.line.resume()),
      help: () => dialogs.help(this.view.desk, KEYS),
    };
  }

  #save() {
    if (this.work.phase !== "rating" || this.work.study.is_closed) return;
    const wrong = this.work.save();
    if (!wrong) return;
    this.view.card.focus(wrong.part);
    this.work.say("error", wrong.why);
  }

  #changed() {
    this.work.keepLocally();
    this.work.say("", "");
  }

  #listen() {
    const options = { capture: true, signal: this.stopping.signal };
    window.addEventListener("keydown", (event) => this.#pressed(event), options);
    window.addEventListener("online", () => this.work.line.wake(), options);
    document.addEventListener("visibilitychange", () => this.#visible(), options);
    // Streamlit has shortcuts of its own and takes letters typed in here for them.
    this.host.addEventListener("keydown", (event) => event.stopPropagation());
  }

  #visible() {
    if (document.visibilityState !== "visible") return;
    if (this.work.line.isSignedOut)
      this.work.line.resume(); // the person may have signed in in another tab
    else this.work.line.wake();
  }

  #pressed(event) {
    if (!this.host.isConnected || this.view.dialog || event.isComposing) return;
    const focused = this.view.root.activeElement;
    const isField = Boolean(focused?.matches("textarea, input[type=text]"));
    const isTyping = isField && (focused.value !== "" || focused.matches("textarea"));
    if (this.work.phase === "rating" && this.#rated(event, isField)) return;
    const action = ratingActionOf(event, isTyping);
    if (!this.act[action]) return;
    event.preventDefault();
    event.stopPropagation();
    const needsText = action === "scores" || action === "comment";
    if (!needsText || this.work.phase === "rating") this.act[action]();
  }

  // Keys that belong to the text in hands.
  #rated(event, isField) {
    const flaw = flawOf(event);
    if (flaw >= 0) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.view.card.toggle(flaw);
      return true;
    }
    if (event.key === "PageDown" || event.key === "PageUp") {
      event.preventDefault();
      this.view.texts.scrollBy({ top: (event.key === "PageDown" ? 1 : -1) * this.view.texts.clientHeight * SCROLLED });
      return true;
    }
    if (isDigit(event) && !isField) this.view.card.focusForDigit(); // and the digit goes there
    return isDigit(event) && !isField;
  }
}
