// What a pair was said in, as a chat above the work: to be read and folded away, never to be edited.

import { el, visible } from "./dom.js";
import { preview } from "./markdown.js";

const SPEAKERS = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };
const OPEN_UP_TO = 6; // messages; longer chats begin folded, but for their last words

export class Background {
  constructor() {
    this.summary = el("summary", {});
    this.chat = el("div", { class: "chat", role: "log", "aria-label": "What was said before", tabindex: "0" });
    this.remarks = el("div", { class: "remarks" });
    this.root = el("details", { class: "background", hidden: true }, this.summary, this.remarks, this.chat);
  }

  // `background`: context, turn, model, timestamp and the log's remarks, as the service gives them.
  show(background) {
    const { context = null, turn = null, model = "", timestamp = null, remarks = null } = background || {};
    const messages = context ? linesOf(context) : [];
    const dated = timestamp && dateOf(timestamp);
    const facts = [turn && `turn ${turn}`, model, dated, ...sentencesOf(remarks)].filter(Boolean);
    const texts = textsOf(remarks);
    this.root.hidden = !messages.length && !facts.length && !texts.length;
    this.root.open = messages.length > 0 && messages.length <= OPEN_UP_TO;
    this.root.classList.toggle("bare", !messages.length && !texts.length);
    const said = messages.length
      ? `Said before: ${messages.length} message${messages.length > 1 ? "s" : ""}`
      : texts.length && "Beside the answer";
    this.summary.replaceChildren(
      ...(said ? [el("b", {}, said)] : []),
      ...facts.map((fact) => el("span", { class: "fact", dir: "auto" }, ...visible(fact))),
    );
    this.remarks.replaceChildren(...texts.map(remarkElement));
    this.chat.hidden = !messages.length;
    this.chat.replaceChildren(...messages.map(messageElement));
    this.chat.scrollTop = this.chat.scrollHeight;
  }
}

// What the log says about the answer, in few words.
function sentencesOf(remarks) {
  const { opinion = null, signals = [], maybe_cut: maybeCut = false } = remarks || {};
  const told = signals.length ? ` (${signals.join(", ")})` : "";
  const said = opinion ? `the log calls this answer ${opinion}${told}` : told && `the log says ${signals.join(", ")}`;
  return [said, maybeCut && "may be cut: ends in mid-sentence"].filter(Boolean);
}

function textsOf(remarks) {
  const { reasoning = "", rejected = [] } = remarks || {};
  return [
    ...(reasoning ? [["What the model thought before it answered", reasoning]] : []),
    ...rejected.map((text) => ["An answer that lost against this one", text]),
  ];
}

function remarkElement([label, text]) {
  return el(
    "details",
    { class: "remark" },
    el("summary", {}, label),
    el("div", { class: "rendered", dir: "auto" }, ...preview(text)),
  );
}

// In the order in which things were said; the steps to the answer come last.
function linesOf(context) {
  const named = [
    ["tools", "Tools"],
    ["documents", "Documents"],
  ].filter(([key]) => context[key]?.length);
  return [
    ...(context.system ? [{ role: "system", text: context.system }] : []),
    ...named.map(([key, label]) => ({ role: "system", text: `${label}: ${context[key].join(", ")}` })),
    ...context.messages,
    ...(context.steps || []).map((step) => ({ ...step, isStep: true })),
  ];
}

function messageElement({ role, text, calls = [], name = "", isStep = false }) {
  const speaker =
    [SPEAKERS[role] || role, name].filter(Boolean).join(" · ") + (isStep ? ", on the way to the answer" : "");
  const made = calls.map((call) => el("pre", { class: "call" }, ...visible(`${call.name}(${call.arguments})`)));
  const words = role === "tool" ? [el("pre", {}, ...visible(text))] : text ? preview(text) : [];
  return el(
    "article",
    { class: `said ${role}` },
    el("h3", {}, ...visible(speaker)),
    el("div", { class: "rendered", dir: "auto" }, ...words, ...made),
  );
}

function dateOf(timestamp) {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}
