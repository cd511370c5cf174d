// The review as the owner sees it; shows the state of a ReviewWork and passes on what is done.

import { Background } from "../shared/background.js";
import { el } from "../shared/dom.js";
import { COUNTED_AT_MOST, ItemView } from "../shared/item_view.js";
import { Texts } from "../shared/texts.js";
import { className } from "../shared/words.js";
import { Facts } from "./facts.js";
import { KEYS } from "./keys.js";

export class ReviewView extends ItemView {
  constructor(root, data, act) {
    super(root, data, act, KEYS);
    this.case = null;
    this.progress = el("b", {
      class: "progress",
      title: "Post-edits that were sampled for review, and what annotators ask; counted up to 10,000",
    });
    this.state = el("span", { class: "state", role: "status" });
    this.undo = this.button("undo", "Undo");
    this.actions = [this.button("later", "Next"), this.button("exclude", "Exclude…"), this.button("back", "Send back")];
    this.primary = this.button("submit", "Approve");
    this.primary.classList.add("primary");
    const classes = data.unit ? [] : [this.#classes()];
    this.bar = el(
      "header",
      { class: "bar" },
      this.progress,
      ...classes,
      this.state,
      el("span", { class: "actions" }, this.undo, ...this.actions, this.helpButton(), this.primary),
    );
    this.texts = new Texts("", this.button("preview", "Preview"), (field, text) => act.edit(field, text));
    this.background = new Background();
    this.texts.root.prepend(this.background.root);
    this.facts = new Facts((comment) => act.say(comment));
    this.body = el("div", { class: "body", hidden: true }, this.texts.root, this.facts.root);
    this.desk = el("div", { class: "desk-inner" }, this.bar, this.notice, this.empty, this.body);
    root.replaceChildren(this.desk);
  }

  update(work) {
    const isEditing = work.phase === "editing" && work.current;
    this.body.hidden = !isEditing;
    this.empty.hidden = isEditing;
    for (const button of [...this.actions, this.primary]) button.disabled = !isEditing;
    if (isEditing && work.current !== this.case) this.#showCase(work.current);
    if (!isEditing) this.#showNothing(work);
    this.showNotice(work);
    this.tick(work);
    this.showVersions(work, (all) => this.#choices(work, all));
  }

  // What changes with every letter.
  tick(work) {
    this.showUndo(this.undo, work.done.secondsLeft);
    const { total } = work.waiting;
    this.showCount(total);
    this.progress.textContent =
      total === null ? "" : `${total < COUNTED_AT_MOST ? total.toLocaleString() : "10,000+"} waiting`;
    this.state.textContent = stateOf(work);
    const one = work.current;
    if (!one) return;
    const isOwn = one.approval === "fix";
    this.primary.firstChild.textContent = isOwn ? "Approve with my text" : "Approve";
    this.texts.title.textContent = one.isQuestion
      ? "Your text"
      : one.isCorrected
        ? "Your correction"
        : "The annotator's text: type to correct it";
  }

  refresh() {
    this.texts.refresh(this.case.text);
    this.facts.show(this.case);
  }

  #showCase(one) {
    this.case = one;
    this.markFresh();
    this.background.show(one.item.background);
    this.texts.show(one.text, basesOf(one), "original", one.item.revision?.flags || []);
    this.facts.show(one);
    // Not into a text: what is only read mustn't be changed by a stray key.
    if (!this.dialog) this.texts.root.focus({ preventScroll: true });
  }

  #showNothing(work) {
    this.case = null;
    const [title, about] = work.line.away
      ? ["The service is unavailable", "Retrying automatically; what you have written is kept in this browser."]
      : work.phase === "empty"
        ? [
            "Nothing to review",
            "Post-edits appear here as annotators submit them: a sample of all, and more of those by newcomers.",
          ]
        : ["Fetching the next item…", ""];
    this.empty.replaceChildren(el("h2", {}, title), el("p", {}, about));
  }

  #choices(work, all) {
    const close = {
      label: "Continue (your text stays in the service)",
      run: () => work.versions.leave(),
      primary: !all.isWaiting,
    };
    const again = {
      label: "Look at it again with my text",
      primary: true,
      run: () => work.lookAgain().catch((error) => work.say("error", error.message)),
    };
    if (!all.task) return [...(all.isWaiting ? [again] : []), this.copyChoice(work, all), close];
    return [
      { label: "Take mine", primary: true, run: () => this.#take(work, all.mine, all.comment) },
      {
        label: `Take the other: ${all.server.label.toLowerCase()}`,
        run: () => this.#take(work, all.server.text, all.server.comment),
      },
    ];
  }

  #take(work, text, comment) {
    work.take(text, comment);
    this.refresh();
  }

  #classes() {
    const names = ["", ...this.data.classes];
    const select = el(
      "select",
      { "aria-label": "Class", title: "Which class to review" },
      ...names.map((name) => el("option", { value: name }, name ? className(name) : "every class")),
    );
    select.addEventListener("change", () => this.act.choose(select.value));
    return select;
  }
}

// What the text is compared with: [name, label, text].
function basesOf({ raw, coach, annotated }) {
  return [
    ["original", "Original", raw],
    ...(coach ? [["coach", "Coach", coach]] : []),
    ...(annotated ? [["annotator", "Annotator", annotated]] : []),
  ];
}

function stateOf(work) {
  const one = work.current;
  const sending = work.outgoing.count ? `${work.outgoing.count} being sent · ` : "";
  if (!one || work.phase !== "editing") return sending.replace(" · ", "");
  if (work.line.away) return `${sending}kept in this browser`;
  if (one.isChanged) return `${sending}saving…`;
  return sending + (one.isTouched ? "draft saved" : "");
}
