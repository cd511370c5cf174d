// What the views of an item in hands share: its buttons, the notice, and the choice between versions.

import * as dialogs from "./dialogs.js";
import { el } from "./dom.js";
import { noticeOf } from "./words.js";

export const COUNTED_AT_MOST = 10_000; // by the service
const FRESH_MS = 400; // in which nobody has read anything: a key pressed twice

export class ItemView {
  // `act[action](…)` does it; `keys`: the keyboard, as for its help. `desk`, the frame of dialogs, is set by the view.
  constructor(host, data, act, keys) {
    this.host = host;
    this.data = data;
    this.act = act;
    this.keys = keys;
    this.notice = el("div", { class: "notice", role: "alert" });
    this.empty = el("div", { class: "empty", hidden: true });
  }

  get root() {
    return this.host.getRootNode();
  }

  get dialog() {
    return this.host.querySelector("dialog[open]");
  }

  // An item has appeared: for a moment it can't be handed in.
  markFresh() {
    clearTimeout(this.freshTimer);
    this.desk.dataset.fresh = "";
    this.freshTimer = setTimeout(() => delete this.desk.dataset.fresh, FRESH_MS);
  }

  get isFresh() {
    return "fresh" in this.desk.dataset;
  }

  // How much waits, before the page's own title.
  showCount(count) {
    const title = document.title.replace(/^\([\d,+]+\) /, "");
    const shown = count ? `(${count < COUNTED_AT_MOST ? count.toLocaleString() : "10,000+"}) ${title}` : title;
    if (document.title !== shown) document.title = shown;
  }

  // `seconds`: how long what was done last can be taken back.
  showUndo(button, seconds) {
    button.hidden = seconds <= 0;
    button.firstChild.textContent = Number.isFinite(seconds) ? `Undo (${seconds} s)` : "Undo";
  }

  button(action, label) {
    const { keys } = this.keys.find(({ id }) => id === action);
    return el(
      "button",
      { type: "button", "aria-keyshortcuts": keys.replace("Ctrl", "Control"), onclick: () => this.act[action]() },
      el("span", {}, label),
      el("kbd", {}, keys.replace("Ctrl+Enter", "Ctrl ↵")),
    );
  }

  helpButton() {
    return el(
      "button",
      {
        type: "button",
        class: "help",
        title: "Keyboard (?)",
        "aria-label": "Keyboard",
        onclick: () => this.act.help(),
      },
      "?",
    );
  }

  showNotice(work) {
    const { kind = "", text = "" } = noticeOf(work);
    this.notice.className = `notice ${kind}`;
    if (this.notice.dataset.text === text) return;
    this.notice.dataset.text = text;
    this.notice.replaceChildren(text, ...(work.line.isSignedOut ? [this.button("signin", "Sign in")] : []));
  }

  // `choicesOf(all)`: what can be done about the versions.
  showVersions(work, choicesOf) {
    const { shown } = work.versions;
    if (shown === this.shownVersions && shown?.server === this.shownServer) return;
    this.versionsDialog?.close();
    this.shownVersions = shown;
    this.shownServer = shown?.server;
    this.versionsDialog = shown ? dialogs.versions(this.desk, shown, choicesOf(shown)) : null;
    this.versionsDialog?.addEventListener("cancel", () => work.versions.leave());
  }

  copyChoice(work, all) {
    return { label: "Copy my text", run: () => dialogs.copyText(all.mine).finally(() => work.say("info", "Copied.")) };
  }
}
