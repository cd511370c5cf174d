// The desk's dialogs: reasons, comments, shortcuts, three versions, sign-in. Each is a <dialog>, which keeps the focus.

import { signIn } from "../session/main.js";
import { el, visible } from "./dom.js";
import { KEYS } from "./keys.js";
import { FIELDS } from "./typed.js";

function build(root, title, ...content) {
  const dialog = el("dialog", { "aria-label": title }, el("h2", {}, title), ...content);
  const before = root.getRootNode().activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    // Chromium gives the focus back, but in a shadow root not always the caret: typing would go nowhere.
    if (root.getRootNode().activeElement === before) before?.blur();
    before?.focus({ preventScroll: true });
  });
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

function buttons(...list) {
  return el("div", { class: "buttons" }, ...list);
}

function closing(label = "Cancel") {
  return el("button", { type: "button", onclick: (event) => event.target.closest("dialog").close() }, label);
}

function confirmOnCtrlEnter(form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

export function help(root, all = KEYS) {
  const rows = all.map(({ keys, label }) =>
    el("tr", {}, el("td", {}, ...keys.split("+").map((key) => el("kbd", {}, key))), el("td", {}, label)),
  );
  build(root, "Keyboard", el("table", { class: "keys" }, el("tbody", {}, ...rows)), buttons(closing("Close")));
}

// `verb`: what the page calls it.
export function exclude(root, reasons, done, verb = "Exclude") {
  const detail = el("input", {
    type: "text",
    name: "detail",
    dir: "auto",
    "aria-label": "Comment",
    placeholder: "Comment (required for another reason)",
    maxlength: "1000",
  });
  const rows = reasons.map(({ value, label }, index) =>
    el(
      "label",
      { class: "choice" },
      el("input", { type: "radio", name: "reason", value, required: true, checked: index === 0 }),
      el("kbd", {}, String(index + 1)),
      label,
    ),
  );
  const form = el(
    "form",
    { method: "dialog" },
    ...rows,
    detail,
    buttons(closing(), el("button", { class: "primary", type: "submit" }, verb)),
  );
  const dialog = build(root, `${verb} this pair`, form);
  form.addEventListener("keydown", (event) => {
    const row = event.target === detail ? undefined : rows[Number(event.key) - 1];
    if (row) row.querySelector("input").click();
  });
  confirmOnCtrlEnter(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const reason = new FormData(form).get("reason");
    if (reason === "manual" && !detail.value.trim()) return detail.focus();
    dialog.close();
    done(reason, detail.value.trim());
  });
  rows[0].querySelector("input").focus();
}

export function owner(root, comment, done) {
  const text = el("textarea", {
    rows: "4",
    dir: "auto",
    required: true,
    "aria-label": "Comment",
    placeholder: "What can't you decide?",
    maxlength: "10000",
  });
  text.value = comment;
  const form = el(
    "form",
    { method: "dialog" },
    text,
    buttons(closing(), el("button", { class: "primary", type: "submit" }, "Send to the owner")),
  );
  const dialog = build(root, "Send to the owner", form);
  confirmOnCtrlEnter(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    done(text.value.trim());
  });
  text.focus();
}

// Three texts beside one another. `choices`: {label, run, primary}.
export function versions(root, all, choices) {
  const column = (title, text) =>
    el(
      "div",
      { class: "version" },
      el("h3", {}, title),
      ...(text
        ? FIELDS.filter((field) => text[field]).map((field) =>
            el("div", { class: "text", dir: "auto", tabindex: "0" }, ...visible(text[field])),
          )
        : [el("p", {}, "Loading…")]),
    );
  const table = el(
    "div",
    { class: "versions" },
    column("Yours", all.mine),
    column(all.server?.label || "In the service", all.server ? all.server.text || { response: "–" } : null),
    column("Original", all.original),
  );
  const dialog = build(root, "Three versions of this pair", el("p", {}, all.why), table);
  dialog.classList.add("wide");
  dialog.append(
    buttons(
      ...choices.map(({ label, run, primary }) =>
        el(
          "button",
          {
            type: "button",
            class: primary ? "primary" : undefined,
            onclick: () => {
              dialog.close();
              run();
            },
          },
          label,
        ),
      ),
    ),
  );
  // It may come while somebody types: a space must not press a button.
  dialog.tabIndex = -1;
  dialog.focus();
  return dialog;
}

// `hasProvider`: also with the company's identity provider, in a tab of its own; the desk continues when it is seen
// again.
export function signInAgain(root, hasProvider, done) {
  const token = el("input", {
    type: "text",
    class: "secret",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Your token",
    required: true,
  });
  const error = el("p", { class: "error", role: "alert" });
  const elsewhere = el(
    "button",
    {
      type: "button",
      onclick: () => {
        dialog.close();
        window.open("./", "_blank");
      },
    },
    "With your organisation (new tab)",
  );
  const form = el(
    "form",
    { method: "dialog" },
    el("p", {}, "Your session has ended. What you have written is kept; sign in to continue."),
    token,
    error,
    buttons(
      ...(hasProvider ? [elsewhere] : []),
      closing(),
      el("button", { class: "primary", type: "submit" }, "Sign in"),
    ),
  );
  const dialog = build(root, "Sign in again", form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.textContent = await signIn(token.value.trim());
    if (error.textContent) return;
    dialog.close();
    done();
  });
  token.focus();
}

export async function copyText(text) {
  await navigator.clipboard.writeText(
    FIELDS.map((field) => text[field])
      .filter(Boolean)
      .join("\n\n"),
  );
}
