// Markdown as elements, for the preview: markdown-it parses, and its tokens become elements of our own making.
// HTML stays text, images are named and not loaded, links are shown and not followed.

import MarkdownIt from "../vendor/markdown-it/markdown-it.esm.min.mjs";
import { el, visible } from "./dom.js";

const MAX_CHARS = 100_000;
const MAX_DEPTH = 40;
const MAX_TOKENS = 20_000;
const MAX_PIECES = 2_000; // between hidden characters
const ELEMENTS = new Set(
  "p h1 h2 h3 h4 h5 h6 ul ol li blockquote table thead tbody tr th td strong em s br hr".split(" "),
);

// Line breaks count, as in the answers of language models. What is nested deeper than `maxNesting` would be left out;
// such texts exceed MAX_DEPTH and are shown plain.
const parser = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: true, maxNesting: 100 });
parser.normalizeLink = (address) => address; // shown as written

// Texts that are too long, nested too deep or made of too many pieces are shown plain: nobody reads them as Markdown,
// and the tab stays quick.
export function preview(text) {
  if (text.length > MAX_CHARS || visible(text).length > MAX_PIECES) return plain(text);
  const tokens = parser.parse(text, {});
  return fits(tokens) ? elements(tokens) : plain(text);
}

function plain(text) {
  return [el("pre", {}, ...visible(text))];
}

function fits(tokens) {
  const count = tokens.reduce((sum, token) => sum + 1 + (token.children || []).length, 0);
  const isDeep = (token) => token.level > MAX_DEPTH || (token.children || []).some(isDeep);
  return count <= MAX_TOKENS && !tokens.some(isDeep);
}

function elements(tokens) {
  const top = { node: null, children: [] };
  const open = [top];
  for (const token of tokens) {
    if (token.hidden) continue;
    if (token.nesting === 1) {
      open.push({ node: opened(token), children: [], address: addressOf(token) });
    } else if (token.nesting === -1) {
      const { node, children, address } = open.pop();
      node.append(...children, ...shownAddress(address));
      open.at(-1).children.push(node);
    } else {
      open.at(-1).children.push(...leaf(token));
    }
  }
  return top.children;
}

function opened(token) {
  if (token.type === "link_open") return el("span", { class: "link" });
  if (!ELEMENTS.has(token.tag)) return el("span");
  const direction = /^(p|li|th|td|h[1-6])$/.test(token.tag) ? "auto" : null;
  return el(token.tag, { dir: direction, start: token.tag === "ol" ? token.attrGet("start") : null });
}

function addressOf(token) {
  return token.type === "link_open" && token.markup !== "autolink" ? token.attrGet("href") : null;
}

function shownAddress(address) {
  return address === null ? [] : [el("span", { class: "address" }, ...visible(` (${address})`))];
}

function leaf(token) {
  switch (token.type) {
    case "inline":
      return elements(token.children);
    case "fence":
    case "code_block":
      return [el("pre", { dir: "ltr" }, el("code", {}, ...visible(token.content.replace(/\n$/, ""))))];
    case "code_inline":
      return [el("code", {}, ...visible(token.content))];
    case "image":
      return [el("span", { class: "link" }, ...visible(`[image: ${token.content}] (${token.attrGet("src")})`))];
    case "softbreak":
    case "hardbreak":
      return [el("br")];
    case "hr":
      return [el("hr")];
    default:
      return visible(token.content);
  }
}
