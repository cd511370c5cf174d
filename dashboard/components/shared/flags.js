// The coach's flags as spans of the text as it stands now: each where its words are found nearest to where they were.

const KINDS = {
  added_number: "number",
  added_date: "date",
  added_name: "name",
  added_url: "link",
  added_code: "code",
  over_expansion: "long answer",
  lost_content: "lost content",
};

// What is said of such flags; they are about the whole text and mark no words of it.
export const OF_THE_WHOLE = {
  over_expansion: "check: long answer to a short request",
  lost_content: "check: much shorter than the original, something may be lost",
};

// Flags of a field as {text, label, start, end}; start is -1 where the words are gone. Offsets count UTF-16 units.
export function placeFlags(flags, field, text) {
  return flags
    .filter((flag) => flag.field === field)
    .map((flag) => {
      const words = flag.text.trim();
      const start = flag.kind in OF_THE_WHOLE || !words ? -1 : nearest(text, words, flag.start);
      return { text: words, label: KINDS[flag.kind] || flag.kind, kind: flag.kind, start, end: start + words.length };
    });
}

// The service counts code points; a few units off don't matter here, because the words themselves are looked for.
function nearest(text, words, position) {
  let best = -1;
  let tries = 0;
  for (let at = text.indexOf(words); at >= 0 && tries < 500; at = text.indexOf(words, at + 1), tries++) {
    if (best < 0 || Math.abs(at - position) < Math.abs(best - position)) best = at;
  }
  return best;
}
