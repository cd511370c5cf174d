// The three texts of a pair, each beside the text that it is compared with, and the ways to move within them.

import { el } from "./dom.js";
import { Field } from "./field.js";
import { FIELDS } from "./typed.js";

const LABELS = { instruction: "Instruction", input: "Input", response: "Response" };

export class Texts {
  // `title`: what stands above the texts on the right; `onEdit(field, text)`.
  constructor(title, previewButton, onEdit) {
    this.bases = []; // [name, label, text] to compare with
    this.compared = "";
    this.previewButton = previewButton;
    this.switch = el("span", { class: "switch", role: "group", "aria-label": "Compare with" });
    this.title = el("b", {}, title);
    this.fields = Object.fromEntries(FIELDS.map((name) => [name, new Field(name, LABELS[name], onEdit)]));
    const heads = el("div", { class: "heads" }, this.switch, el("span", {}, this.title, previewButton));
    this.root = el("div", { class: "texts", tabindex: "-1" }, heads, ...FIELDS.map((name) => this.fields[name].root));
    this.root.addEventListener("click", (event) => this.#clicked(event));
  }

  // Another pair: `text` to edit, `bases` to compare with, the one called `compared` first.
  show(text, bases, compared, flags) {
    this.flagAt = -1;
    this.bases = bases;
    this.compared = compared;
    this.flags = flags;
    if (this.isPreview) this.togglePreview();
    this.refresh(text);
    this.fields.input.root.classList.toggle("absent", !(text.input || bases.some(([, , base]) => base.input)));
    this.#showSwitch();
    this.root.scrollTop = 0;
  }

  refresh(text) {
    for (const name of FIELDS) this.fields[name].show(text[name], this.#base()[name], this.flags);
  }

  // Goes round the texts to compare with.
  compareNext() {
    const names = this.bases.map(([name]) => name);
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
    const at = all.indexOf(this.#focused());
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  stepFlag() {
    const all = FIELDS.flatMap((name) =>
      this.fields[name]
        .flagsInText()
        .filter((flag) => flag.start >= 0)
        .map((flag) => ({ ...flag, name })),
    );
    if (!all.length) return;
    this.flagAt = (this.flagAt + 1) % all.length;
    const flag = all[this.flagAt];
    if (this.isPreview) this.togglePreview();
    this.fields[flag.name].goTo(flag.start, flag.end);
  }

  revertInHand() {
    for (const name of FIELDS) {
      const field = this.fields[name];
      const index = field.hunkInHand(this.root.getRootNode());
      if (index < 0) continue;
      const wasOnMark = this.#focused() !== field.area;
      field.revert(index);
      if (wasOnMark)
        (field.hunkElements()[index] || field.hunkElements().at(-1) || field.area).focus({ preventScroll: true });
      return;
    }
  }

  #focused() {
    return this.root.getRootNode().activeElement;
  }

  #base() {
    return (this.bases.find(([name]) => name === this.compared) || this.bases[0])[2];
  }

  #showSwitch() {
    this.switch.replaceChildren(
      ...this.bases.map(([name, label]) =>
        el(
          "button",
          {
            type: "button",
            "aria-pressed": String(name === this.compared),
            onclick: () => this.compareWith(name),
            title: "Alt+V",
          },
          label,
        ),
      ),
    );
  }

  #clicked(event) {
    const mark = event.target.closest?.("[data-hunk]");
    if (mark) this.fields[mark.closest("[data-name]").dataset.name].revert(Number(mark.dataset.hunk));
  }
}

// What keys do within texts, by action; `textsOf()`: those on the page.
export function textActions(textsOf) {
  return {
    instruction: () => textsOf().focusField("instruction"),
    input: () => textsOf().focusField("input"),
    response: () => textsOf().focusField("response"),
    next: () => textsOf().stepChange(1),
    previous: () => textsOf().stepChange(-1),
    revert: () => textsOf().revertInHand(),
    flag: () => textsOf().stepFlag(),
    compare: () => textsOf().compareNext(),
    preview: () => textsOf().togglePreview(),
  };
}
