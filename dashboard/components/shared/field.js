// One text of the pair: the text it is compared with on the left, the editor on the right, with every change marked.

import { changedShare, diffWords, takeOriginal } from "./diff.js";
import { el, hiddenNames, visible, withoutHidden } from "./dom.js";
import { OF_THE_WHOLE, placeFlags } from "./flags.js";
import { preview } from "./markdown.js";

const MAX_MARKED = 60_000; // characters; longer texts are edited without marks
const MAX_HUNKS = 1_500;
const MAX_SHOWN = 30_000; // characters of a text too long to be marked, until all of it is asked for
const MOSTLY = 0.6; // of the text changed: another text, to be read beside the first without marks
const SLOW_MS = 12;
const LATER_MS = 180;

export class Field {
  constructor(name, label, onEdit) {
    this.name = name;
    this.onEdit = onEdit;
    this.base = "";
    this.flags = [];
    this.hunks = [];
    this.isPreview = false;
    this.title = el("h2", { id: `label-${name}` }, label);
    this.count = el("span", { class: "count" });
    this.chips = el("span", { class: "chips" });
    this.left = el("div", {
      class: "text left",
      dir: "auto",
      "aria-label": `${label}, to compare with`,
      tabindex: "-1",
    });
    this.mirror = el("div", { class: "text mirror", dir: "auto", "aria-hidden": "true" });
    this.area = el("textarea", {
      class: "text",
      dir: "auto",
      rows: "1",
      spellcheck: "true",
      "aria-labelledby": `label-${name}`,
      "data-field": name,
    });
    this.rendered = el("div", {
      class: "preview",
      dir: "auto",
      tabindex: "0",
      hidden: true,
      "aria-label": `${label}, preview`,
    });
    this.editor = el("div", { class: "editor" }, this.mirror, this.area);
    const head = el("div", { class: "field-head" }, this.title, this.count, this.chips);
    this.root = el(
      "section",
      { class: "field", "data-name": name },
      head,
      this.left,
      el("div", { class: "right" }, this.editor, this.rendered),
    );
    this.area.addEventListener("input", () => this.#edited());
  }

  get text() {
    return this.area.value;
  }

  // `text` as the item has it; textareas write line ends as LF, so an untouched text is given back as it came.
  show(text, base, flags) {
    this.base = base;
    this.flags = flags;
    if (this.area.value !== text.replace(/\r\n?/g, "\n")) this.area.value = text;
    this.#mark();
    if (this.isPreview) this.#render();
  }

  compareWith(base) {
    this.base = base;
    this.#mark();
  }

  togglePreview(isOn) {
    this.isPreview = isOn;
    this.editor.hidden = isOn;
    this.rendered.hidden = !isOn;
    if (isOn) this.#render();
  }

  // The change that has the focus or the caret in it; -1 for none.
  hunkInHand(root) {
    const focused = root.activeElement;
    if (focused?.dataset.hunk !== undefined && this.left.contains(focused)) return Number(focused.dataset.hunk);
    if (focused !== this.area) return -1;
    const caret = this.area.selectionStart;
    return this.hunks.findIndex((hunk) => hunk.bStart <= caret && caret <= hunk.bEnd);
  }

  revert(index) {
    const hunk = this.hunks[index];
    if (!hunk) return;
    if (takeOriginal(this.base, this.text, hunk).length > MAX_MARKED * 20) return;
    this.replace(hunk.bStart, hunk.bEnd, this.base.slice(hunk.aStart, hunk.aEnd));
  }

  // Through the browser's own editing, so that Ctrl+Z takes it back.
  replace(start, end, text) {
    if (this.isPreview) this.togglePreview(false);
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(start, end);
    const done = text
      ? document.execCommand("insertText", false, text)
      : start === end || document.execCommand("delete");
    if (!done) {
      this.area.setRangeText(text, start, end, "end");
      this.#edited();
    }
  }

  goTo(start, end) {
    if (this.isPreview) return;
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(start, end);
    this.mirror.querySelector(`[data-start="${start}"]`)?.scrollIntoView({ block: "center" });
  }

  hunkElements() {
    return [...this.left.querySelectorAll("[data-hunk]")];
  }

  flagsInText() {
    return placeFlags(this.flags, this.name, this.text);
  }

  removeHidden() {
    this.replace(0, this.area.value.length, withoutHidden(this.area.value));
  }

  #edited() {
    this.onEdit(this.name, this.area.value);
    clearTimeout(this.timer);
    if (this.tookMs > SLOW_MS) {
      this.mirror.replaceChildren(this.area.value, "\u200b");
      this.timer = setTimeout(() => this.#mark(), LATER_MS);
    } else {
      this.#mark();
    }
  }

  #mark() {
    clearTimeout(this.timer);
    const started = performance.now();
    const text = this.area.value;
    // Compared as the textarea holds it.
    const base = this.base.replace(/\r\n?/g, "\n");
    this.base = base;
    const isShort = text.length <= MAX_MARKED && base.length <= MAX_MARKED;
    this.editor.classList.toggle("long", !isShort);
    this.area.spellcheck = isShort;
    this.hunks = isShort ? diffWords(base, text) : [];
    if (this.hunks.length > MAX_HUNKS) this.hunks = [{ aStart: 0, aEnd: base.length, bStart: 0, bEnd: text.length }];
    this.isRewritten = changedShare(base, text, this.hunks) > MOSTLY;
    if (this.isRewritten) this.hunks = [{ aStart: 0, aEnd: base.length, bStart: 0, bEnd: text.length }];
    this.editor.parentElement.parentElement.classList.toggle("rewritten", this.isRewritten);
    const flags = placeFlags(this.flags, this.name, text);
    this.left.replaceChildren(...(isShort ? this.#leftNodes(base, text) : this.#beginning(base)));
    this.mirror.replaceChildren(...(isShort ? this.#mirrorNodes(text, flags) : []), "\u200b");
    this.#head(text, flags, isShort);
    this.tookMs = performance.now() - started;
  }

  #leftNodes(base, text) {
    const nodes = [];
    let position = 0;
    this.hunks.forEach((hunk, index) => {
      nodes.push(...visible(base.slice(position, hunk.aStart)), this.#hunkNode(base, text, hunk, index));
      position = hunk.aEnd;
    });
    nodes.push(...visible(base.slice(position)));
    if (!base && !this.hunks.length) nodes.push(el("span", { class: "none" }, "none"));
    return nodes;
  }

  // A line of a megabyte would take the browser seconds to lay out.
  #beginning(base) {
    if (base.length <= MAX_SHOWN) return visible(base);
    const more = `… show ${(base.length - MAX_SHOWN).toLocaleString()} more characters`;
    const button = el("button", { type: "button", onclick: () => this.left.replaceChildren(...visible(base)) }, more);
    return [...visible(base.slice(0, MAX_SHOWN)), button];
  }

  #hunkNode(base, text, hunk, index) {
    const gone = base.slice(hunk.aStart, hunk.aEnd);
    const come = text.slice(hunk.bStart, hunk.bEnd);
    const label = gone ? `Changed to: ${excerpt(come) || "nothing"}. Take back.` : `Added: ${excerpt(come)}. Take out.`;
    const shown = gone ? visible(gone.trim() ? gone : gone.replace(/\n/g, "↵\n").replace(/ /g, "·")) : ["+"];
    const attributes = {
      class: gone ? "gone" : "gap",
      role: "button",
      tabindex: "-1",
      title: label,
      "aria-label": label,
      "data-hunk": index,
    };
    return el("span", attributes, ...shown);
  }

  #mirrorNodes(text, flags) {
    const edges = new Set([0, text.length]);
    for (const span of this.hunks) edges.add(span.bStart).add(span.bEnd);
    for (const flag of flags) if (flag.start >= 0) edges.add(flag.start).add(flag.end);
    const sorted = [...edges].sort((a, b) => a - b);
    const nodes = [];
    let hunk = 0;
    for (let index = 0; index + 1 < sorted.length; index++) {
      const [start, end] = [sorted[index], sorted[index + 1]];
      while (hunk < this.hunks.length && this.hunks[hunk].bEnd <= start) hunk++;
      const isNew = hunk < this.hunks.length && this.hunks[hunk].bStart <= start;
      const isFlagged = flags.some((flag) => flag.start >= 0 && flag.start <= start && end <= flag.end);
      const names = [isNew && "new", isFlagged && "flagged"].filter(Boolean).join(" ");
      nodes.push(
        names ? el("span", { class: names, "data-start": start }, text.slice(start, end)) : text.slice(start, end),
      );
    }
    return nodes;
  }

  #head(text, flags, isShort) {
    const changes = this.hunks.length;
    this.count.textContent =
      `${codePoints(text).toLocaleString()} characters` +
      (this.isRewritten ? ", rewritten" : changes ? `, ${changes} ${changes === 1 ? "change" : "changes"}` : "");
    const chips = flags.map((flag) =>
      el(
        "button",
        {
          class: flag.start < 0 && !(flag.kind in OF_THE_WHOLE) ? "chip done" : "chip",
          type: "button",
          tabindex: "-1",
          title: "Not in the original: check it",
          onclick: () => this.goTo(flag.start, flag.end),
        },
        OF_THE_WHOLE[flag.kind] ?? `check ${flag.label}: ${excerpt(flag.text)}`,
      ),
    );
    const hidden = hiddenNames(text.slice(0, MAX_MARKED));
    if (hidden.length) {
      const label = `hidden characters: ${hidden.slice(0, 4).join(", ")} – remove`;
      chips.push(el("button", { class: "chip danger", type: "button", onclick: () => this.removeHidden() }, label));
    }
    if (!isShort) chips.push(el("span", { class: "chip" }, "too long to be compared"));
    this.chips.replaceChildren(...chips);
  }

  #render() {
    this.rendered.replaceChildren(...preview(this.area.value));
  }
}

function codePoints(text) {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g) || []).length;
}

function excerpt(text) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
