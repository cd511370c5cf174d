// Beside the texts: who wrote this and why it is here, what the annotator says, and the owner's comment.

import { el } from "../shared/dom.js";
import { className } from "../shared/words.js";

const REASONS = {
  sampled: ["sampled", "Drawn by chance from the post-edits of trusted annotators"],
  newcomer: ["newcomer", "One of the annotator's first post-edits"],
  flagged: ["flagged", "The coach's text had facts to check"],
  returned: ["sent back before", "Written again after an owner sent it back"],
  sent: ["asked of you", "The annotator asks you to decide and sent no text"],
};

export class Facts {
  constructor(onComment) {
    this.list = el("dl", { class: "facts" });
    this.said = el("p", { class: "said" });
    this.comment = el("textarea", {
      class: "comment",
      rows: "4",
      dir: "auto",
      maxlength: "10000",
      "aria-label": "Comment for the annotator",
      placeholder: "Needed to send it back",
      "aria-keyshortcuts": "Alt+M",
    });
    this.comment.addEventListener("input", () => onComment(this.comment.value));
    this.root = el(
      "aside",
      { class: "dock", "aria-label": "About this item" },
      this.list,
      this.said,
      el("h3", {}, "Comment for the annotator ", el("kbd", {}, "Alt+M")),
      this.comment,
    );
  }

  show(one) {
    this.list.replaceChildren(
      ...factsOf(one).flatMap(([name, about, value]) => [
        el("dt", { title: about || undefined }, name),
        el("dd", { dir: "auto" }, value),
      ]),
    );
    const said = [one.item.comment, one.item.post_edit?.comment].filter(Boolean);
    this.said.replaceChildren(...(said.length ? [el("b", {}, "The annotator says: "), said.join("\n")] : []));
    if (this.comment.value !== one.comment) this.comment.value = one.comment;
  }
}

// [name, how it is made, value] of what is known.
function factsOf({ item, isQuestion }) {
  const edit = item.post_edit;
  const [reason, why] = REASONS[item.reason] || [item.reason.replaceAll("_", " "), ""];
  const facts = [
    ["annotator", "", item.annotator || edit?.person || "nobody"],
    [
      "class",
      "The task class, as a person corrected it, else as predicted",
      item.task_class ? className(item.task_class) : "none",
    ],
    ["why here", why, reason],
  ];
  if (edit) facts.push(["work", "From claim to submit, without idle time", `${Math.round(edit.active_seconds)} s`]);
  if (edit?.scores) {
    facts.push([
      "scores",
      "By the rubric of Table II, of 100: instruction, response",
      `${edit.scores.instruction}, ${edit.scores.response}`,
    ]);
    if (edit.scores.flaws.length) facts.push(["flaws", "Flaws that the annotator ticked", words(edit.scores.flaws)]);
  }
  if (edit?.categories.length)
    facts.push(["changed", "Kinds of change, according to the annotator", words(edit.categories)]);
  if (!item.revision) facts.push(["coach", "", "no answer"]);
  else if (item.arm === "control" && !isQuestion)
    facts.push([
      "coach",
      "Control arm: the pair was handed out without the coach's text",
      "the annotator didn't see its text",
    ]);
  facts.push(["pair", "First digits of its id", item.pair_id.slice(0, 12)]);
  return facts;
}

function words(names) {
  return names.map((name) => name.replaceAll("_", " ")).join(", ");
}
