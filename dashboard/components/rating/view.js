// The rating page as the rater sees it; shows the state of a RatingWork and passes on what is done.

import { Background } from "../shared/background.js";
import { el, visible } from "../shared/dom.js";
import { Card } from "./card.js";

const FIELDS = { instruction: "Instruction", input: "Input", response: "Response" };

export class View {
  constructor(root, data, act) {
    this.host = root;
    this.act = act;
    this.task = null;
    this.studies = el("select", { "aria-label": "Study", onchange: () => act.study(this.studies.value) });
    this.name = el("b", { class: "study" });
    this.where = el("span", { class: "meta" });
    this.bar = el("progress", { "aria-label": "Rated", max: "1", value: "0" });
    this.rated = el("span", { class: "progress" });
    this.state = el("span", { class: "state", role: "status" });
    this.backButton = this.#button("back", "Back", "Backspace");
    this.saveButton = this.#button("save", "Save, next", "Ctrl ↵");
    this.saveButton.classList.add("primary");
    const help = el(
      "button",
      { type: "button", class: "help", title: "Keyboard (?)", "aria-label": "Keyboard", onclick: () => act.help() },
      "?",
    );
    const head = el(
      "header",
      { class: "bar" },
      this.studies,
      this.name,
      this.where,
      this.bar,
      this.rated,
      this.state,
      el("span", { class: "actions" }, this.backButton, help, this.saveButton),
    );
    this.notice = el("div", { class: "notice", role: "alert" });
    this.fields = Object.fromEntries(
      Object.keys(FIELDS).map((name) => [name, el("div", { class: "text left", dir: "auto", "data-field": name })]),
    );
    const texts = Object.entries(FIELDS).map(([name, label]) =>
      el("section", { "data-name": name }, el("h2", {}, label), this.fields[name]),
    );
    this.background = new Background();
    this.texts = el("div", { class: "texts" }, this.background.root, ...texts);
    this.card = new Card(data.criteria, () => act.changed());
    this.body = el("div", { class: "body", hidden: true }, this.texts, this.card.root);
    this.empty = el("div", { class: "empty", hidden: true });
    this.desk = el("div", { class: "desk-inner rating" }, head, this.notice, this.empty, this.body);
    root.replaceChildren(this.desk);
  }

  get root() {
    return this.host.getRootNode();
  }

  get dialog() {
    return this.host.querySelector("dialog[open]");
  }

  update(work) {
    const isRating = work.phase === "rating";
    this.body.hidden = !isRating;
    this.empty.hidden = isRating;
    this.saveButton.disabled = !isRating || work.study.is_closed;
    this.backButton.disabled = isRating ? work.current.place === 1 : work.phase !== "done";
    if (isRating && work.current !== this.task) this.#showTask(work.current);
    if (!isRating) this.#showNothing(work);
    this.#showHead(work);
    this.#showNotice(work);
  }

  #showTask(task) {
    this.task = task;
    this.background.show({ context: task.context });
    for (const name of Object.keys(FIELDS)) {
      const text = task.text[name];
      this.fields[name].replaceChildren(...(text ? visible(text) : [el("span", { class: "none" }, "(empty)")]));
      this.fields[name].parentElement.hidden = !text && name === "input";
    }
    this.card.show(task);
    this.texts.scrollTop = 0;
    this.card.focus();
  }

  #showNothing(work) {
    this.task = null;
    this.empty.replaceChildren(...this.#words(work));
  }

  #words(work) {
    if (work.line.away)
      return [
        el("h2", {}, "The service is unavailable"),
        el("p", {}, "Retrying automatically; your ratings are kept in this browser."),
      ];
    if (work.phase === "loading") return [el("h2", {}, "Fetching the text…")];
    if (work.phase === "none")
      return [el("h2", {}, "Nothing to rate"), el("p", {}, "No open study asks for your ratings.")];
    const closed = work.study.is_closed
      ? "The study is closed: thank you."
      : "Back shows your ratings; you can change them until the study is closed.";
    return [el("h2", {}, work.study.is_closed ? "Closed" : "All rated"), el("p", {}, closed)];
  }

  #showHead(work) {
    const { study, current } = work;
    const open = work.studies.filter((one) => !one.is_closed).map((one) => one.study);
    this.studies.hidden = open.length < 2;
    this.name.hidden = !this.studies.hidden;
    if (open.join() !== this.shownStudies) {
      this.shownStudies = open.join();
      this.studies.replaceChildren(...open.map((name) => el("option", { value: name }, name)));
    }
    this.studies.value = study?.study || "";
    this.name.textContent = study?.study || "";
    this.where.textContent = current ? `text ${current.place} of ${current.tasks}` : "";
    this.bar.hidden = this.rated.hidden = !study;
    if (!study) return;
    this.bar.max = study.tasks;
    this.bar.value = study.rated;
    this.rated.textContent = `${study.rated} of ${study.tasks} rated`;
    this.state.textContent = stateOf(work);
  }

  #showNotice(work) {
    const { kind = "", text = "" } = noticeOf(work);
    this.notice.className = `notice ${kind}`;
    this.notice.textContent = text;
  }

  #button(action, label, keys) {
    return el(
      "button",
      { type: "button", onclick: () => this.act[action]() },
      el("span", {}, label),
      el("kbd", {}, keys),
    );
  }
}

function noticeOf(work) {
  const kept = "Your ratings are kept in this browser.";
  if (work.line.isSignedOut) return { kind: "error", text: `Your session has ended. ${kept} Alt+L signs in again.` };
  if (work.line.away) return { kind: "error", text: `${sentence(work.line.away)} Retrying. ${kept}` };
  if (work.notice) return { ...work.notice, text: sentence(work.notice.text) };
  return work.study?.is_closed
    ? { kind: "warning", text: "This study is closed: ratings can no longer be changed." }
    : {};
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function stateOf(work) {
  if (work.unsent.count) return `${work.unsent.count} being sent`;
  const task = work.current;
  if (!task) return "";
  if (task.isChanged) return "not saved yet";
  return task.isRated ? "saved" : "";
}
