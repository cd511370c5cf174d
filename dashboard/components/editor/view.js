// The desk as the person sees it; shows the state of a Work and passes on what is done.

import { Background } from "../shared/background.js";
import { el } from "../shared/dom.js";
import { ItemView } from "../shared/item_view.js";
import { KEYS } from "../shared/keys.js";
import { ScoreCard } from "./score.js";
import { Texts } from "../shared/texts.js";
import { className, metaOf, progressParts, stateOf } from "../shared/words.js";
import { leaseSeconds } from "./work.js";

const NARROW = window.matchMedia("(max-width: 1180px)"); // as in style.css
const EXPIRY_WARNING_SECONDS = 120;

export class View extends ItemView {
  constructor(root, data, act) {
    super(root, data, act, KEYS);
    this.task = null;
    this.progress = el("span", { class: "progress" });
    this.meta = el("span", { class: "meta" });
    this.state = el("span", { class: "state", role: "status" });
    this.undo = this.button("undo", "Undo");
    this.actions = [this.button("skip", "Skip"), this.button("owner", "To owner…"), this.button("exclude", "Exclude…")];
    this.scores = this.button("scores", "Scores");
    this.scores.classList.add("narrow-only");
    this.primary = this.button("submit", "Accept");
    this.primary.classList.add("primary");
    this.bar = el(
      "header",
      { class: "bar" },
      this.progress,
      this.meta,
      this.state,
      el("span", { class: "actions" }, this.undo, this.scores, ...this.actions, this.helpButton(), this.primary),
    );
    this.warning = el("div", { class: "notice warning", role: "status" });
    this.returned = el("div", { class: "notice returned" });
    this.texts = new Texts("Your text", this.button("preview", "Preview"), (field, text) => act.edit(field, text));
    this.background = new Background();
    this.texts.root.prepend(this.background.root);
    this.dock = new ScoreCard(data, (what, value) => act.score(what, value));
    this.body = el("div", { class: "body", hidden: true }, this.texts.root, this.dock.root);
    this.desk = el(
      "div",
      { class: "desk-inner" },
      this.bar,
      this.notice,
      this.warning,
      this.returned,
      this.empty,
      this.body,
    );
    // Where it would cover the text it begins hidden, and it follows when the window changes.
    const follow = () => this.showDock(!NARROW.matches);
    follow();
    NARROW.addEventListener("change", follow);
    root.replaceChildren(this.desk);
  }

  update(work) {
    const isEditing = work.phase === "editing" && work.current;
    this.body.hidden = !isEditing;
    for (const button of [...this.actions, this.scores, this.primary]) button.disabled = !isEditing;
    if (isEditing && work.current !== this.task) this.#showTask(work.current);
    if (!isEditing) this.#showNothing(work);
    this.empty.hidden = isEditing;
    this.showNotice(work);
    this.#showProgress(work.progress);
    this.tick(work);
    this.showVersions(work, (all) => this.#choices(work, all));
  }

  // What changes with time: the state of the draft, the lease and the undo.
  tick(work) {
    this.showUndo(this.undo, work.done.secondsLeft);
    this.showCount(work.progress?.waiting);
    this.state.textContent = stateOf(work);
    const seconds = work.current ? leaseSeconds(work.current) : Infinity;
    const isEnding = work.phase === "editing" && seconds < EXPIRY_WARNING_SECONDS;
    const ending = seconds > 0 ? `in ${seconds} s` : "now";
    this.warning.textContent = isEnding ? `This item returns to the queue ${ending}. Press any key to keep it.` : "";
  }

  refreshTexts() {
    this.texts.refresh(this.task.text);
    this.dock.show(this.task);
  }

  showDock(isShown) {
    this.desk.classList.toggle("no-dock", !isShown);
    this.scores.setAttribute("aria-pressed", String(isShown));
  }

  toggleDock() {
    const isShown = this.desk.classList.contains("no-dock");
    this.showDock(isShown);
    if (!isShown) this.texts.focusField("response");
    else this.dock.focus();
  }

  #showTask(task) {
    this.task = task;
    this.markFresh();
    this.background.show(task.item.background);
    const compared = task.isReturned && task.item.last_edit ? "returned" : "original";
    this.texts.show(task.text, basesOf(task), compared, task.item.revision?.flags || []);
    this.dock.show(task);
    this.meta.replaceChildren(...metaOf(task));
    this.returned.replaceChildren(...saidOf(task));
    const { area } = this.texts.fields.response;
    area.focus({ preventScroll: true });
    area.setSelectionRange(0, 0);
  }

  #showNothing(work) {
    this.task = null;
    this.meta.replaceChildren();
    this.returned.replaceChildren();
    if (work.phase === "ready") return this.#showStart(work);
    const unit = this.data.unit ? ` in ${className(this.data.unit)}` : "";
    const words =
      work.phase === "empty" && !work.line.away
        ? [
            el("h2", {}, "The queue is empty"),
            el("p", {}, `No item is waiting for you${unit}. New items appear here automatically.`),
          ]
        : [
            el("h2", {}, work.line.away ? "The service is unavailable" : "Fetching the next item…"),
            el("p", {}, work.line.away ? "Retrying automatically; what you have written is kept in this browser." : ""),
          ];
    this.empty.replaceChildren(...words);
  }

  #showStart(work) {
    const { waiting } = work.progress || {};
    const start = el("button", { type: "button", class: "primary", onclick: () => this.act.begin() }, "Start editing");
    start.append(el("kbd", {}, "Ctrl ↵"));
    const count = waiting < 10_000 ? waiting?.toLocaleString() : "10,000+";
    const said = waiting === undefined ? "" : `${count} ${waiting === 1 ? "pair waits" : "pairs wait"}. `;
    const about = "You get the first one when you start; until then nothing is held for you.";
    this.empty.replaceChildren(el("h2", {}, "The desk"), el("p", {}, said + about), el("p", {}, start));
  }

  #showProgress(progress) {
    if (!progress) return;
    const [first, ...others] = progressParts(progress).map(([text, about], place) =>
      el(place ? "span" : "b", { title: about }, text),
    );
    this.progress.replaceChildren(first, ...others);
  }

  #choices(work, all) {
    const close = {
      label: "Continue (your text stays in the service)",
      run: () => work.versions.leave(),
      primary: !all.isFree,
    };
    const back = {
      label: "Get it back with my text",
      primary: true,
      run: () => work.reclaim().catch((error) => work.say("error", error.message)),
    };
    if (!all.task) return [...(all.isFree ? [back] : []), this.copyChoice(work, all), close];
    return [
      { label: "Take mine", primary: true, run: () => this.#choose(work, all.mine, all.comment) },
      { label: "Take the saved one", run: () => this.#choose(work, all.server.text, all.server.comment) },
    ];
  }

  #choose(work, text, comment) {
    work.choose(text, comment);
    this.refreshTexts();
  }
}

// What the owner said of the item, and to which question.
function saidOf({ isReturned, item }) {
  const { question, owner_comment: answer } = item;
  const line = (title, text) => el("div", {}, el("b", {}, title), el("span", { dir: "auto" }, text));
  if (question) return [line("You asked: ", question), line("The owner answers: ", answer || "without a comment")];
  if (isReturned) return [line("The owner sent it back: ", answer || "without a comment")];
  return answer ? [line("The owner says: ", answer)] : [];
}

// What an item's text is compared with: [name, label, text].
function basesOf({ raw, coach, item }) {
  return [
    ["original", "Original", raw],
    ...(coach ? [["coach", "Coach", coach]] : []),
    ...(item.last_edit ? [["returned", "Sent back", item.last_edit.final]] : []),
  ];
}
