// The keyboard: every action of the desk, the same keys wherever the focus is. Alt and a letter, by its place on the
// keyboard, because letters alone are for typing.

export const KEYS = [
  { id: "submit", keys: "Ctrl+Enter", label: "Accept: submit the text and continue" },
  { id: "undo", keys: "Alt+U", label: "Take back what you did last (within a minute)" },
  { id: "skip", keys: "Alt+S", label: "Skip: others get it first" },
  { id: "exclude", keys: "Alt+X", label: "Exclude, with a reason" },
  { id: "owner", keys: "Alt+O", label: "Send to the owner, with a comment" },
  { id: "instruction", keys: "Alt+1", label: "Edit the instruction" },
  { id: "input", keys: "Alt+2", label: "Edit the input" },
  { id: "response", keys: "Alt+3", label: "Edit the response" },
  { id: "next", keys: "Alt+N", label: "Next change" },
  { id: "previous", keys: "Alt+B", label: "Previous change" },
  { id: "revert", keys: "Alt+R", label: "Take this change back (on a change: Enter too)" },
  { id: "flag", keys: "Alt+G", label: "Next thing to check" },
  { id: "compare", keys: "Alt+V", label: "Compare with: original, coach, what came back" },
  { id: "preview", keys: "Alt+P", label: "Preview as Markdown, and back" },
  { id: "scores", keys: "Alt+C", label: "Scores: show and go there, or hide" },
  { id: "signin", keys: "Alt+L", label: "Sign in again, when the session has ended" },
  { id: "help", keys: "?", label: "This list (F1 while typing)" },
  { id: "escape", keys: "Esc", label: "Leave the text field or the dialog" },
];

// The action that a key press means; "" for none.
export function actionOf(event, isTyping, keys = KEYS) {
  if (event.isComposing) return "";
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return "submit";
  if (event.key === "F1" || (event.key === "?" && !isTyping && !event.ctrlKey && !event.altKey)) return "help";
  if (event.key === "Escape") return "escape";
  // AltGr reports Ctrl and Alt together: that is typing.
  if (!event.altKey || event.ctrlKey || event.metaKey) return "";
  const place = event.code.replace(/^(Key|Digit)/, "");
  return keys.find((one) => one.keys === `Alt+${place}`)?.id || "";
}
