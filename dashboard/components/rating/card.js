// Table II at hand: two scores, the dimensions found flawed, and the scores that they leave.

import { el } from "../shared/dom.js";
import { PARTS, isWithin } from "./task.js";

const LEVELS = { advanced: "advanced", basic: "basic", red_line: "red line" };
const TITLES = { instruction: "Instruction", response: "Response" };

export class Card {
  constructor(criteria, onChange) {
    this.criteria = criteria;
    this.onChange = onChange;
    this.inputs = {};
    this.ranges = {};
    this.boxes = [];
    this.comment = el("textarea", {
      class: "comment",
      rows: "2",
      dir: "auto",
      maxlength: "10000",
      "aria-label": "Comment",
      placeholder: "Comment (optional)",
    });
    this.comment.addEventListener("input", () => this.#changed((task) => (task.comment = this.comment.value)));
    this.root = el(
      "aside",
      { class: "dock", "aria-label": "Your rating" },
      el("div", { class: "scores" }, ...PARTS.map((part) => this.#score(part))),
      ...PARTS.map((part) =>
        el(
          "div",
          { class: "part" },
          el("h3", {}, `Flaws of the ${part}`),
          ...criteria.map((one, index) => (one.part === part ? this.#criterion(one, index) : null)),
        ),
      ),
      this.comment,
    );
  }

  show(task) {
    this.task = task;
    for (const part of PARTS) this.inputs[part].value = task.scores[part];
    this.criteria.forEach((one, index) => (this.boxes[index].checked = task.flaws.has(one.dimension)));
    if (this.comment.value !== task.comment) this.comment.value = task.comment;
    this.#showRanges();
  }

  focus(part = "instruction") {
    this.inputs[part].focus({ preventScroll: true });
    this.inputs[part].select();
  }

  // The first score that is missing gets what is typed.
  focusForDigit() {
    this.focus(PARTS.find((part) => !this.task.scores[part]) || PARTS[0]);
  }

  // With what to look for under each dimension, or without.
  toggleChecklists() {
    this.root.classList.toggle("with-checklists");
  }

  toggle(index) {
    const box = this.boxes[index];
    if (!box) return;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change"));
  }

  #score(part) {
    const input = el("input", {
      type: "text",
      inputmode: "numeric",
      maxlength: "3",
      autocomplete: "off",
      class: "score",
      "data-part": part,
      "aria-label": `Score of the ${part}`,
    });
    input.addEventListener("input", () => {
      if (/\D/.test(input.value)) input.value = input.value.replace(/\D/g, "");
      this.#changed((task) => (task.scores[part] = input.value));
    });
    this.inputs[part] = input;
    this.ranges[part] = el("span", { class: "range", title: "Scores that the ticked flaws allow" });
    return el("label", { class: "score-line" }, el("h3", {}, TITLES[part]), input, this.ranges[part]);
  }

  #criterion(one, index) {
    const box = el("input", { type: "checkbox", "data-dimension": one.dimension });
    box.addEventListener("change", () =>
      this.#changed((task) => {
        if (box.checked) task.flaws.add(one.dimension);
        else task.flaws.delete(one.dimension);
      }),
    );
    this.boxes[index] = box;
    const key = index < 10 ? el("kbd", {}, `Alt+${(index + 1) % 10}`) : null;
    return el(
      "label",
      { class: "criterion", title: `Look for: ${one.checklist}` },
      box,
      el(
        "span",
        {},
        key,
        el("b", {}, one.label),
        el("i", {}, ` ${LEVELS[one.level]}: 0–${one.high}`),
        el("small", {}, one.description),
        el("small", { class: "look" }, `Look for: ${one.checklist}`),
      ),
    );
  }

  #changed(change) {
    change(this.task);
    this.#showRanges();
    this.onChange();
  }

  #showRanges() {
    for (const part of PARTS) {
      const cap = this.task.cap(part, this.criteria);
      const score = this.task.scores[part];
      const isOutside = score !== "" && !isWithin(score, cap);
      this.ranges[part].textContent = `0–${cap}`;
      this.ranges[part].classList.toggle("outside", isOutside);
      this.inputs[part].setAttribute("aria-invalid", String(isOutside));
    }
  }
}
