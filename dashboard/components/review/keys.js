// The keyboard of the review: the desk's keys for what is the same here.

import { actionOf } from "../shared/keys.js";

export const KEYS = [
  { id: "submit", keys: "Ctrl+Enter", label: "Approve, with your corrections where you have made any" },
  { id: "back", keys: "Ctrl+B", label: "Send back to the annotator, with the comment" },
  { id: "undo", keys: "Alt+U", label: "Take your last decision back" },
  { id: "exclude", keys: "Alt+X", label: "Exclude, with a reason" },
  { id: "later", keys: "Alt+S", label: "Next: this one comes back after the others" },
  { id: "comment", keys: "Alt+M", label: "Comment for the annotator" },
  { id: "instruction", keys: "Alt+1", label: "Correct the instruction" },
  { id: "input", keys: "Alt+2", label: "Correct the input" },
  { id: "response", keys: "Alt+3", label: "Correct the response" },
  { id: "next", keys: "Alt+N", label: "Next change" },
  { id: "previous", keys: "Alt+B", label: "Previous change" },
  { id: "revert", keys: "Alt+R", label: "Take this change back (on a change: Enter too)" },
  { id: "flag", keys: "Alt+G", label: "Next thing to check" },
  { id: "compare", keys: "Alt+V", label: "Compare with: original, coach, annotator" },
  { id: "preview", keys: "Alt+P", label: "Preview as Markdown, and back" },
  { id: "signin", keys: "Alt+L", label: "Sign in again, when the session has ended" },
  { id: "help", keys: "?", label: "This list (F1 while typing)" },
  { id: "escape", keys: "Esc", label: "Leave the text field or the dialog" },
];

// The action that a key press means; "" for none.
export function reviewActionOf(event, isTyping) {
  const isBack = event.code === "KeyB" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  return isBack && !event.isComposing ? "back" : actionOf(event, isTyping, KEYS);
}
