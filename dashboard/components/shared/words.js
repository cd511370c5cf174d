// What the desk says in words about its work: notices, the item's kind, the draft's state, the day.

import { el } from "./dom.js";

const OUTCOMES = {
  revised: "coach revised it",
  unchanged: "coach left it as it was",
  fallback_invalid: "coach's answer was unusable: original text",
  fallback_guard: "coach's answer was refused: original text",
  fallback_error: "coach failed: original text",
  leak_guard: "part of the coach's training data: original text",
};

// The most pressing thing to say.
export function noticeOf(work) {
  const kept = "What you write is kept in this browser.";
  if (work.line.isSignedOut) return { kind: "error", text: `Your session has ended. ${kept} ` };
  if (work.line.away) return { kind: "error", text: `${sentence(work.line.away)} Retrying. ${kept}` };
  return work.notice ? { ...work.notice, text: sentence(work.notice.text) } : {};
}

// The service's messages begin small.
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const NOW = {
  accepted: "it waits for the coach",
  revised: "it waits in the queue",
  returned: "it was sent back",
  post_edited: "submitted",
  approved: "approved",
  excluded: "excluded",
  duplicate: "linked as a near copy",
};

// What became of a pair that the person has lost.
export function outcomeOf(pair) {
  const { status, annotator, reviewer } = pair;
  const written = annotator ? `, written by ${annotator}` : "";
  if (status === "approved") return `In the service now: approved ${reviewer ? `by ${reviewer}` : "unseen"}${written}`;
  if (status === "returned") return `In the service now: ${NOW.returned}${reviewer ? ` by ${reviewer}` : ""}${written}`;
  return `In the service now: ${NOW[status] || status}${annotator ? `, by ${annotator}` : ""}`;
}

let classNames = {};

// What this installation calls the task classes; to be told before anything is shown.
export function nameClasses(names) {
  classNames = names || {};
}

export function className(name) {
  return classNames[name] || name.replaceAll("_", " ");
}

export function metaOf(task) {
  const parts = [];
  if (task.item.task_class) parts.push(className(task.item.task_class));
  if (task.isReturned) parts.push("sent back");
  const revision = task.item.revision;
  if (!revision) parts.push("without the coach: edit the original");
  else parts.push(OUTCOMES[revision.outcome] + (revision.reason ? ` (${revision.reason.replaceAll("_", " ")})` : ""));
  return parts.map((part) => el("span", {}, part));
}

export function stateOf(work) {
  const task = work.current;
  const sending = work.outgoing.count ? `${work.outgoing.count} being sent · ` : "";
  if (!task || work.phase !== "editing") return sending.replace(" · ", "");
  if (work.line.away) return `${sending}kept in this browser`;
  if (task.isDiverged) return `${sending}not saved: another browser has a newer text`;
  if (task.isChanged) return `${sending}saving…`;
  return sending + (task.isTouched ? "draft saved" : "");
}

// The day's work, each with what it means; what the service doesn't tell is left out.
export function progressParts(progress) {
  const parts = [
    [
      `${progress.submitted ?? 0} today`,
      "Your submits today, in the time zone of your account; undone ones don't count",
    ],
  ];
  if (progress.active_seconds >= 60)
    parts.push([
      `${duration(progress.active_seconds)} of work`,
      "Active time on your items; gaps without keyboard and mouse don't count",
    ]);
  if (progress.returned) parts.push([`${progress.returned} sent back`, "Your texts that owners sent back today"]);
  return parts;
}

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
}
