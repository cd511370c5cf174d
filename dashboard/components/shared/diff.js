// Word-level difference of two texts, bounded: what is too unlike is one hunk instead of a long computation.
//
// diffWords(a, b) gives hunks {aStart, aEnd, bStart, bEnd} in UTF-16 offsets, in order; outside them the texts are
// equal.

const WORD = /\r?\n|[^\S\n]+|[\p{L}\p{M}\p{N}_]+(?:['’.,-][\p{L}\p{M}\p{N}_]+)*|[^]/gu;
// Scripts that don't put spaces between words are compared character by character.
const UNSPACED = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const MAX_STEPS = 600_000; // of comparing, over the whole text: some 50 ms
const FEW_WORDS = 3; // changes with fewer than these between them are one
const MAX_CHARS = 200_000; // of both texts together; beyond it only their common ends are found

export function tokens(text) {
  const found = [];
  for (const [word] of text.matchAll(WORD)) {
    if (word.length > 1 && UNSPACED.test(word)) for (const character of word) found.push(character);
    else found.push(word);
  }
  return found;
}

function lines(text) {
  return text.match(/[^\n]*\n|[^\n]+$/g) || [];
}

export function diffWords(a, b) {
  if (a === b) return [];
  if (a.length + b.length > MAX_CHARS) return [trimmed(a, b)];
  const budget = { steps: MAX_STEPS };
  const hunks = [];
  for (const block of diffTokens(lines(a), lines(b), budget)) {
    const left = a.slice(block.aStart, block.aEnd);
    const right = b.slice(block.bStart, block.bEnd);
    for (const hunk of diffTokens(tokens(left), tokens(right), budget)) {
      hunks.push({
        aStart: hunk.aStart + block.aStart,
        aEnd: hunk.aEnd + block.aStart,
        bStart: hunk.bStart + block.bStart,
        bEnd: hunk.bEnd + block.bStart,
      });
    }
  }
  return joined(hunks, a);
}

// One hunk between the common beginning and the common end; never inside a surrogate pair.
function trimmed(a, b) {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  if (start && isHigh(a, start - 1)) start--;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if (end && end < most - start && isHigh(a, a.length - end - 1)) end--;
  return { aStart: start, aEnd: a.length - end, bStart: start, bEnd: b.length - end };
}

function isHigh(text, index) {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code < 0xdc00;
}

// Hunks of two lists of pieces, in offsets of the texts that the pieces make.
function diffTokens(a, b, budget) {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const left = a.slice(head, a.length - tail);
  const right = b.slice(head, b.length - tail);
  if (!left.length && !right.length) return [];
  const offset = length(a.slice(0, head));
  return myers(left, right, budget).map(([a0, a1, b0, b1]) => {
    const aStart = offset + length(left.slice(0, a0));
    const bStart = offset + length(right.slice(0, b0));
    return { aStart, aEnd: aStart + length(left.slice(a0, a1)), bStart, bEnd: bStart + length(right.slice(b0, b1)) };
  });
}

function length(pieces) {
  let sum = 0;
  for (const piece of pieces) sum += piece.length;
  return sum;
}

// Source: E. W. Myers, An O(ND) Difference Algorithm and Its Variations, 1986, §4.
function myers(a, b, budget) {
  const whole = [[0, a.length, 0, b.length]];
  if (!a.length || !b.length) return whole;
  const trace = [];
  let reach = new Int32Array([0, 0, 0]); // furthest x on diagonals -d-1 … d+1, at index k + d + 1
  for (let d = 0; d <= a.length + b.length; d++) {
    const next = new Int32Array(2 * d + 5);
    budget.steps -= 2 * d + 1;
    if (budget.steps < 0) return whole;
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reach[k - 1 + d + 1] < reach[k + 1 + d + 1]);
      let x = d === 0 ? 0 : down ? reach[k + 1 + d + 1] : reach[k - 1 + d + 1] + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) {
        x++;
        budget.steps--;
      }
      next[k + d + 2] = x;
      if (x >= a.length && x - k >= b.length) return path(trace, d, k);
    }
    trace.push(next);
    reach = next;
  }
  return whole;
}

// Walks back from the end; trace[d] has diagonal k at index k + d + 2.
function path(trace, d, k) {
  const hunks = [];
  for (; d > 0; d--) {
    const before = trace[d - 1];
    const at = (diagonal) => before[diagonal + d - 1 + 2];
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const kBefore = down ? k + 1 : k - 1;
    const xBefore = at(kBefore);
    const yBefore = xBefore - kBefore;
    const xStep = down ? xBefore : xBefore + 1;
    const yStep = xStep - k;
    const last = hunks[hunks.length - 1];
    if (last && last[0] === xStep && last[2] === yStep) {
      last[0] = xBefore;
      last[2] = yBefore;
    } else {
      hunks.push([xBefore, xStep, yBefore, yStep]);
    }
    k = kBefore;
  }
  return hunks.reverse();
}

// Changes that little of a line stands between read better as one.
function joined(hunks, a) {
  const result = [];
  for (const hunk of hunks) {
    const last = result[result.length - 1];
    const between = last ? a.slice(last.aEnd, hunk.aStart) : "";
    if (last && !between.includes("\n") && wordsIn(between) < FEW_WORDS) {
      last.aEnd = hunk.aEnd;
      last.bEnd = hunk.bEnd;
    } else {
      result.push({ ...hunk });
    }
  }
  return result;
}

function wordsIn(text) {
  return tokens(text).filter((token) => /[\p{L}\p{N}]/u.test(token)).length;
}

// Of the longer text, how much the changes cover.
export function changedShare(a, b, hunks) {
  const size = (hunk) => Math.max(hunk.aEnd - hunk.aStart, hunk.bEnd - hunk.bStart);
  return hunks.reduce((sum, hunk) => sum + size(hunk), 0) / Math.max(a.length, b.length, 1);
}

// `b` with the hunk's text of `a` in it again.
export function takeOriginal(a, b, hunk) {
  return b.slice(0, hunk.bStart) + a.slice(hunk.aStart, hunk.aEnd) + b.slice(hunk.bEnd);
}
