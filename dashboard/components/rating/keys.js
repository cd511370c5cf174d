// The keyboard of the rating page. Digits go into the scores; everything else is held with Alt or Ctrl, as on the desk.

import { actionOf } from "../shared/keys.js";

export const KEYS = [
  { id: "save", keys: "Ctrl+Enter", label: "Save and go to the next text" },
  { id: "back", keys: "Backspace", label: "The previous text (Alt+B while typing)" },
  { id: "back", keys: "Alt+B", label: "The previous text, wherever you are" },
  { id: "next", keys: "Alt+N", label: "The next text, without saving: what you typed is kept" },
  { id: "open", keys: "Alt+G", label: "The first text that isn't rated, or the one that couldn't be saved" },
  { id: "scores", keys: "Alt+S", label: "Go to the scores" },
  { id: "rubric", keys: "Alt+R", label: "What to look for in each dimension: show, and hide" },
  { id: "comment", keys: "Alt+C", label: "Write a comment" },
  { id: "signin", keys: "Alt+L", label: "Sign in again, when the session has ended" },
  { id: "help", keys: "?", label: "This list (F1 while typing)" },
];

// Alt and a digit tick the flaws in their order, 0 the tenth.
export function flawOf(event) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (!digit || !event.altKey || event.ctrlKey || event.metaKey) return -1;
  return (Number(digit) + 9) % 10;
}

export function ratingActionOf(event, isTyping) {
  const isBare = !event.altKey && !event.ctrlKey && !event.metaKey && !event.repeat;
  if (event.key === "Backspace" && isBare && !isTyping) return "back";
  const action = actionOf(event, isTyping, KEYS);
  return action === "submit" ? "save" : action;
}

// A digit that is typed where no field has the focus.
export function isDigit(event) {
  return /^\d$/.test(event.key) && !event.altKey && !event.ctrlKey && !event.metaKey;
}
