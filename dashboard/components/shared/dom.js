// Elements from text: everything that people or models wrote goes in as text nodes, never as markup.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Characters that hide, reorder or control: C0 and C1 controls, bidi marks and overrides, zero width, tags.
const HIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000d\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
// Of these, the ones that change how the text around them is shown.
const DANGEROUS =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

export function hiddenNames(text) {
  const names = new Map();
  for (const [char] of text.matchAll(DANGEROUS)) names.set(name(char), (names.get(name(char)) || 0) + 1);
  return [...names].map(([key, count]) => (count > 1 ? `${key} ×${count}` : key));
}

export function withoutHidden(text) {
  return text.replace(DANGEROUS, "");
}

function name(char) {
  return `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

// The text with hidden characters shown by their numbers.
export function visible(text) {
  const nodes = [];
  let position = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
    nodes.push(text.slice(position, match.index), el("span", { class: "hidden-char" }, name(match[0])));
    position = match.index + match[0].length;
    if (nodes.length > 4000) break;
  }
  nodes.push(text.slice(position));
  return nodes;
}

// Whether the page is dark behind the element.
export function isDark(element) {
  const [red, green, blue] = (getComputedStyle(element).backgroundColor.match(/[\d.]+/g) || [255, 255, 255]).map(
    Number,
  );
  return red * 0.299 + green * 0.587 + blue * 0.114 < 128;
}
