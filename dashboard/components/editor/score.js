// The rubric at hand: two scores, the dimensions found flawed, and the highest score that they leave (Table II).

import { el } from "../shared/dom.js";

const LEVELS = { advanced: "advanced", basic: "basic", red_line: "red line" };

export class ScoreCard {
  constructor(data, onChange) {
    this.criteria = data.criteria;
    this.target = data.target;
    this.task = null;
    this.onChange = onChange;
    this.inputs = {};
    this.ranges = {};
    this.boxes = new Map();
    this.categoryBoxes = new Map();
    this.comment = el("textarea", {
      class: "comment",
      rows: "2",
      dir: "auto",
      "aria-label": "Comment for the owner",
      placeholder: "Comment for the owner",
    });
    this.comment.addEventListener("input", () => this.onChange("comment", this.comment.value));
    this.root = el(
      "aside",
      { class: "dock", "aria-label": "Scores" },
      ...["instruction", "response"].map((part) => this.#part(part)),
      this.#categories(data.categories),
      el("h3", {}, "Comment"),
      this.comment,
    );
  }

  show(task) {
    this.task = task;
    for (const part of ["instruction", "response"]) this.inputs[part].value = task.scores[part] ?? "";
    for (const [dimension, box] of this.boxes) box.checked = task.flaws.has(dimension);
    for (const [category, box] of this.categoryBoxes) box.checked = task.categories.has(category);
    if (this.comment.value !== task.comment) this.comment.value = task.comment;
    this.#showRanges();
  }

  // What is wrong with the scores, or "".
  wrong() {
    for (const part of ["instruction", "response"]) {
      const score = this.task.scores[part];
      const cap = this.cap(part);
      if (score !== null && (score < 0 || score > cap)) {
        this.inputs[part].focus();
        return `With these flaws the ${part} scores 0 to ${cap}, not ${score}.`;
      }
    }
    return "";
  }

  // The worst flaw decides. Source: paper, Table II.
  cap(part) {
    const flawed = this.criteria.filter((one) => one.part === part && this.task.flaws.has(one.dimension));
    return Math.min(100, ...flawed.map((one) => one.high));
  }

  focus() {
    this.inputs.instruction.focus();
  }

  #part(part) {
    const input = el("input", {
      type: "number",
      min: "0",
      max: "100",
      step: "1",
      inputmode: "numeric",
      "aria-label": `Score of the ${part}`,
      class: "score",
    });
    input.addEventListener("input", () => this.#score(part, input));
    const range = el("span", { class: "range" });
    this.inputs[part] = input;
    this.ranges[part] = range;
    const title = part === "instruction" ? "Instruction" : "Response";
    const rows = this.criteria.filter((one) => one.part === part).map((one) => this.#criterion(one));
    return el("div", { class: "part" }, el("div", { class: "score-line" }, el("h3", {}, title), input, range), ...rows);
  }

  #criterion(one) {
    const box = el("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      if (box.checked) this.task.flaws.add(one.dimension);
      else this.task.flaws.delete(one.dimension);
      this.#showRanges();
      this.onChange("scores");
    });
    this.boxes.set(one.dimension, box);
    const cap = one.level === "advanced" ? "" : ` – caps at ${one.high}`;
    return el(
      "label",
      { class: "criterion", title: `Look for: ${one.checklist}` },
      box,
      el(
        "span",
        {},
        el("b", {}, one.label),
        el("i", {}, ` ${LEVELS[one.level]}${cap}`),
        el("small", {}, one.description),
      ),
    );
  }

  #categories(categories) {
    const rows = categories.map(({ value, label }) => {
      const box = el("input", { type: "checkbox" });
      box.addEventListener("change", () => {
        if (box.checked) this.task.categories.add(value);
        else this.task.categories.delete(value);
        this.onChange("categories");
      });
      this.categoryBoxes.set(value, box);
      return el("label", { class: "criterion" }, box, el("span", {}, label));
    });
    return el("details", {}, el("summary", {}, "What you changed"), ...rows);
  }

  #score(part, input) {
    const value = input.value.trim() === "" ? null : Math.round(Number(input.value));
    this.task.scores[part] = Number.isFinite(value) ? value : null;
    this.#showRanges();
    this.onChange("scores");
  }

  #showRanges() {
    for (const part of ["instruction", "response"]) {
      const cap = this.cap(part);
      const score = this.task.scores[part];
      const isOutside = score !== null && (score < 0 || score > cap);
      this.ranges[part].textContent = `0–${cap}`;
      this.ranges[part].classList.toggle("outside", isOutside);
      this.inputs[part].setAttribute("aria-invalid", String(isOutside));
      const goal = score !== null && score < this.target ? ` Experts revise until ${this.target}.` : "";
      this.ranges[part].title = `Scores that these flaws allow.${goal}`;
    }
  }
}
