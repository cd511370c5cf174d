// What a pair was said in, as a chat above the work: to be read and folded away, never to be edited.

import { el, visible } from "./dom.js";
import { preview } from "./markdown.js";

const SPEAKERS = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };
const OPEN_UP_TO = 6; // messages; longer chats begin folded, but for their last words

export class Background {
  constructor() {
    this.summary = el("summary", {});
    this.chat = el("div", { class: "chat", role: "log", "aria-label": "What was said before", tabindex: "0" });
    this.root = el("details", { class: "background", hidden: true }, this.summary, this.chat);
  }

  // `background`: context, turn, model and timestamp, as the service gives them.
  show(background) {
    const { context = null, turn = null, model = "", timestamp = null } = background || {};
    const messages = context ? linesOf(context) : [];
    const facts = [turn && `turn ${turn}`, model, timestamp && dateOf(timestamp)].filter(Boolean);
    this.root.hidden = !messages.length && !facts.length;
    this.root.open = messages.length > 0 && messages.length <= OPEN_UP_TO;
    this.root.classList.toggle("bare", !messages.length);
    const said = messages.length ? `Said before: ${messages.length} message${messages.length > 1 ? "s" : ""}` : "";
    this.summary.replaceChildren(
      ...(said ? [el("b", {}, said)] : []),
      ...facts.map((fact) => el("span", { class: "fact", dir: "auto" }, ...visible(fact))),
    );
    this.chat.replaceChildren(...messages.map(messageElement));
    this.chat.scrollTop = this.chat.scrollHeight;
  }
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
