// The desk as the person sees it; shows the state of a Work and passes on what is done.

import * as dialogs from "./dialogs.js";
import { el } from "./dom.js";
import { Field } from "./field.js";
import { KEYS } from "./keys.js";
import { ScoreCard } from "./score.js";
import { FIELDS } from "./task.js";
import { className, metaOf, noticeOf, progressParts, stateOf } from "./words.js";
import { leaseSeconds } from "./work.js";

const LABELS = { instruction: "Instruction", input: "Input", response: "Response" };
const EXPIRY_WARNING_SECONDS = 120;

export class View {
  constructor(root, data, act) {
    this.data = data;
    this.act = act; // act[action](…)
    this.host = root;
    this.task = null;
    this.compared = "original";
    this.progress = el("span", { class: "progress" });
    this.meta = el("span", { class: "meta" });
    this.state = el("span", { class: "state", role: "status" });
    this.undo = this.#button("undo", "Undo");
    this.actions = [this.#button("skip", "Skip"), this.#button("owner", "To owner…"), this.#button("exclude", "Exclude…")];
    this.primary = this.#button("submit", "Accept");
    this.primary.classList.add("primary");
    const help = el("button", { type: "button", class: "help", title: "Keyboard (?)", "aria-label": "Keyboard", onclick: () => act.help() }, "?");
    this.bar = el("header", { class: "bar" }, this.progress, this.meta, this.state, el("span", { class: "actions" }, this.undo, ...this.actions, help, this.primary));
    this.notice = el("div", { class: "notice", role: "alert" });
    this.warning = el("div", { class: "notice warning", role: "status" });
    this.returned = el("div", { class: "notice returned" });
    this.switch = el("span", { class: "switch", role: "group", "aria-label": "Compare with" });
    this.fields = Object.fromEntries(FIELDS.map((name) => [name, new Field(name, LABELS[name], (field, text) => act.edit(field, text))]));
    this.previewButton = this.#button("preview", "Preview");
    const heads = el("div", { class: "heads" }, this.switch, el("span", {}, el("b", {}, "Your text"), this.previewButton));
    this.texts = el("div", { class: "texts" }, heads, ...FIELDS.map((name) => this.fields[name].root));
    this.dock = new ScoreCard(data, (what, value) => act.score(what, value));
    this.empty = el("div", { class: "empty", hidden: true });
    this.body = el("div", { class: "body", hidden: true }, this.texts, this.dock.root);
    this.desk = el("div", { class: "desk-inner" }, this.bar, this.notice, this.warning, this.returned, this.empty, this.body);
    root.replaceChildren(this.desk);
    this.texts.addEventListener("click", (event) => this.#clicked(event));
  }

  get root() {
    return this.host.getRootNode();
  }

  update(work) {
    const isEditing = work.phase === "editing" && work.current;
    this.body.hidden = !isEditing;
    for (const button of [...this.actions, this.primary]) button.disabled = !isEditing;
    if (isEditing && work.current !== this.task) this.#showTask(work.current);
    if (!isEditing) this.#showNothing(work);
    this.empty.hidden = isEditing;
    this.#showNotice(work);
    this.#showProgress(work.progress);
    this.tick(work);
    this.#showDialogs(work);
  }

  // What changes with time: the state of the draft, the lease and the undo.
  tick(work) {
    const left = work.outgoing.last ? Math.ceil((work.outgoing.last.until - Date.now()) / 1000) : 0;
    this.undo.hidden = left <= 0;
    if (left > 0) this.undo.firstChild.textContent = `Undo (${left} s)`;
    this.state.textContent = stateOf(work);
    const seconds = work.current ? leaseSeconds(work.current) : Infinity;
    const isEnding = work.phase === "editing" && seconds < EXPIRY_WARNING_SECONDS;
    const ending = seconds > 0 ? `in ${seconds} s` : "now";
    this.warning.textContent = isEnding ? `This item goes back into the queue ${ending} unless you go on: press any key.` : "";
  }

  refreshTexts() {
    const task = this.task;
    for (const name of FIELDS) this.fields[name].show(task.text[name], this.#base()[name], task.item.revision?.flags || []);
    this.dock.show(task);
  }

  // Goes round original, coach and what was sent back.
  compareNext() {
    const names = this.#bases().map(([name]) => name);
    this.compareWith(names[(names.indexOf(this.compared) + 1) % names.length]);
  }

  compareWith(name) {
    this.compared = name;
    for (const field of FIELDS) this.fields[field].compareWith(this.#base()[field]);
    this.#showSwitch();
  }

  togglePreview() {
    this.isPreview = !this.isPreview;
    for (const name of FIELDS) this.fields[name].togglePreview(this.isPreview);
    this.previewButton.setAttribute("aria-pressed", String(this.isPreview));
    if (this.isPreview) this.fields.response.rendered.focus();
    else this.focusField("response");
  }

  focusField(name) {
    if (this.isPreview) this.togglePreview();
    const field = this.fields[name];
    field.root.classList.remove("absent");
    field.area.focus();
  }

  stepChange(step) {
    const all = FIELDS.flatMap((name) => this.fields[name].hunkElements());
    if (!all.length) return;
    const at = all.indexOf(this.root.activeElement);
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  stepFlag() {
    const all = FIELDS.flatMap((name) => this.fields[name].flagsInText().filter((flag) => flag.start >= 0).map((flag) => ({ ...flag, name })));
    if (!all.length) return;
    this.flagAt = ((this.flagAt ?? -1) + 1) % all.length;
    const flag = all[this.flagAt];
    if (this.isPreview) this.togglePreview();
    this.fields[flag.name].goTo(flag.start, flag.end);
  }

  revertInHand() {
    for (const name of FIELDS) {
      const field = this.fields[name];
      const index = field.hunkInHand(this.root);
      if (index < 0) continue;
      const wasOnMark = this.root.activeElement !== field.area;
      field.revert(index);
      if (wasOnMark) (field.hunkElements()[index] || field.hunkElements().at(-1) || field.area).focus({ preventScroll: true });
      return;
    }
  }

  toggleDock() {
    const isHidden = this.desk.classList.toggle("no-dock");
    if (isHidden) this.focusField("response");
    else this.dock.focus();
  }

  get dialog() {
    return this.host.querySelector("dialog[open]");
  }

  #showTask(task) {
    this.task = task;
    this.flagAt = -1;
    this.compared = task.isReturned && task.item.last_edit ? "returned" : "original";
    if (this.isPreview) this.togglePreview();
    this.refreshTexts();
    const hasInput = Boolean(task.raw.input || task.text.input);
    this.fields.input.root.classList.toggle("absent", !hasInput);
    this.#showSwitch();
    this.meta.replaceChildren(...metaOf(task));
    this.returned.replaceChildren(...(task.isReturned ? [el("b", {}, "The owner sent it back: "), el("span", { dir: "auto" }, task.item.owner_comment || "without a comment")] : []));
    this.texts.scrollTop = 0;
    this.fields.response.area.focus({ preventScroll: true });
    this.fields.response.area.setSelectionRange(0, 0);
  }

  #showNothing(work) {
    this.task = null;
    this.meta.replaceChildren();
    this.returned.replaceChildren();
    const unit = this.data.unit ? ` in ${className(this.data.unit)}` : "";
    const words =
      work.phase === "empty" && !work.line.away
        ? [el("h2", {}, "The queue is empty"), el("p", {}, `Nothing waits for you${unit}. New items appear here by themselves.`)]
        : [el("h2", {}, work.line.away ? "The service is away" : "Fetching the next item…"), el("p", {}, work.line.away ? "It is tried again by itself; what you have written is kept in this browser." : "")];
    this.empty.replaceChildren(...words);
  }

  #showNotice(work) {
    const { kind = "", text = "" } = noticeOf(work);
    this.notice.className = `notice ${kind}`;
    if (this.notice.dataset.text === text) return;
    this.notice.dataset.text = text;
    this.notice.replaceChildren(text, ...(work.line.isSignedOut ? [this.#button("signin", "Sign in")] : []));
  }

  #showProgress(progress) {
    if (!progress) return;
    const [first, ...others] = progressParts(progress).map(([text, about], place) => el(place ? "span" : "b", { title: about }, text));
    this.progress.replaceChildren(first, ...others);
  }

  #showDialogs(work) {
    const { shown } = work.versions;
    if (shown === this.shownVersions && shown?.server === this.shownServer) return;
    this.versionsDialog?.close();
    this.shownVersions = shown;
    this.shownServer = shown?.server;
    this.versionsDialog = shown ? this.#versions(work, shown) : null;
  }

  #versions(work, all) {
    const close = { label: "Go on (yours stays with the service)", run: () => work.versions.leave(), primary: !all.isFree };
    const back = { label: "Get it back with my text", primary: true, run: () => work.reclaim().catch((error) => work.say("error", error.message)) };
    const choices = all.task
      ? [
          { label: "Take mine", primary: true, run: () => this.#choose(work, all.mine, all.comment) },
          { label: "Take the saved one", run: () => this.#choose(work, all.server.text, "") },
        ]
      : [
          ...(all.isFree ? [back] : []),
          { label: "Copy my text", run: () => copyText(all.mine).finally(() => work.say("info", "Copied.")) },
          close,
        ];
    const dialog = dialogs.versions(this.desk, all, choices);
    dialog.addEventListener("cancel", () => work.versions.leave());
    return dialog;
  }

  #choose(work, text, comment) {
    work.choose(text, comment);
    this.refreshTexts();
  }

  #bases() {
    const { raw, coach, item } = this.task;
    return [["original", "Original", raw], ...(coach ? [["coach", "Coach", coach]] : []), ...(item.last_edit ? [["returned", "Sent back", item.last_edit.final]] : [])];
  }

  #base() {
    return (this.#bases().find(([name]) => name === this.compared) || this.#bases()[0])[2];
  }

  #showSwitch() {
    this.switch.replaceChildren(
      ...this.#bases().map(([name, label]) => el("button", { type: "button", "aria-pressed": String(name === this.compared), onclick: () => this.compareWith(name), title: "Alt+V" }, label)),
    );
  }

  #clicked(event) {
    const mark = event.target.closest?.("[data-hunk]");
    if (!mark) return;
    const name = mark.closest("[data-name]").dataset.name;
    this.fields[name].revert(Number(mark.dataset.hunk));
  }

  #button(action, label) {
    const keys = KEYS.find(({ id }) => id === action).keys;
    return el("button", { type: "button", "aria-keyshortcuts": keys.replace("Ctrl", "Control"), onclick: () => this.act[action]() }, el("span", {}, label), el("kbd", {}, keys.replace("Ctrl+Enter", "Ctrl ↵")));
  }
}

async function copyText(text) {
  await navigator.clipboard.writeText(FIELDS.map((field) => text[field]).filter(Boolean).join("\n\n"));
}
