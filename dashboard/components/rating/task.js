// One text to rate: what the service gave, and what the rater makes of it.

import { newKey } from "../shared/typed.js";

export const PARTS = ["instruction", "response"];

export class RatingTask {
  constructor(given) {
    this.study = given.study;
    this.place = given.place;
    this.tasks = given.tasks;
    this.text = given.text;
    this.context = given.context || null;
    this.version = given.version; // how often it was rated; goes back with the rating
    this.put(given.rating || {});
    this.savedAs = this.version ? this.print() : "";
  }

  get isRated() {
    return Boolean(this.savedAs);
  }

  // Whether there is anything in it that the service doesn't have.
  get isChanged() {
    return this.print() !== (this.savedAs || EMPTY);
  }

  put({ instruction, response, flaws, comment }) {
    this.scores = { instruction: text(instruction), response: text(response) };
    this.flaws = new Set(flaws || []);
    this.comment = comment || "";
  }

  typed() {
    return { ...this.scores, flaws: [...this.flaws].sort(), comment: this.comment };
  }

  print() {
    return JSON.stringify(this.typed());
  }

  // The highest score that the named flaws leave; the worst one decides (Table II).
  cap(part, criteria) {
    const flawed = criteria.filter((one) => one.part === part && this.flaws.has(one.dimension));
    return Math.min(100, ...flawed.map((one) => one.high));
  }

  // Why it can't be saved, and in which part; null, when it can.
  wrong(criteria) {
    for (const part of PARTS) {
      const score = this.scores[part];
      const cap = this.cap(part, criteria);
      if (score === "") return { part, why: `Give the ${part} a score.` };
      if (!isWithin(score, 100)) return { part, why: `The ${part} scores 0 to 100, not ${score}.` };
      if (!isWithin(score, cap)) return { part, why: `With these flaws the ${part} scores 0 to ${cap}, not ${score}.` };
    }
    return null;
  }

  // For the service; it counts as saved from now on.
  rating() {
    this.savedAs = this.print();
    const scores = Object.fromEntries(PARTS.map((part) => [part, Number(this.scores[part])]));
    return { version: this.version, idempotency_key: newKey(), ...this.typed(), ...scores };
  }
}

export function isWithin(score, cap) {
  return /^\d{1,3}$/.test(score) && Number(score) <= cap;
}

function text(score) {
  return score === undefined || score === null ? "" : String(score);
}

const EMPTY = JSON.stringify({ instruction: "", response: "", flaws: [], comment: "" });
