// Markdown as elements, for the preview. HTML stays text, images are named and not loaded, links are shown and not followed.
// Source: CommonMark 0.31 and GitHub's tables, as far as answers of language models use them.

import { el, visible } from "./dom.js";

const MAX_CHARS = 100_000;
const INLINE =
  /(`+)(?!`)([^]*?[^`])\1(?!`)|!\[([^\]\n]{0,500})\]\(([^)\s]{0,2000})[^)\n]{0,200}\)|\[([^\]\n]{1,500})\]\(([^)\s]{0,2000})[^)\n]{0,200}\)|(\*\*|__)(?=\S)([^\n]{1,2000}?\S)\7|(?<![\p{L}\p{N}*_])([*_])(?=\S)([^\n*_]{1,2000}?\S|\S)\9(?![\p{L}\p{N}])|~~(?=\S)([^\n]{1,2000}?\S)~~/gu;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;

export function preview(text) {
  if (text.length > MAX_CHARS) return [el("pre", {}, ...visible(text))];
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function blocks(lines, depth) {
  const nodes = [];
  let index = 0;
  while (index < lines.length) {
    const [node, next] = depth > 20 ? [el("pre", {}, lines.slice(index).join("\n")), lines.length] : block(lines, index, depth);
    if (node) nodes.push(node);
    index = next;
  }
  return nodes;
}

function block(lines, index, depth) {
  const line = lines[index];
  const fence = line.match(/^ {0,3}(`{3,}|~{3,})(.*)$/);
  if (fence) return fenced(lines, index, fence[1]);
  const heading = line.match(/^ {0,3}(#{1,6})\s+(.*?)\s*#*$/);
  if (heading) return [el(`h${heading[1].length}`, {}, ...inline(heading[2])), index + 1];
  if (/^ {0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) return [el("hr"), index + 1];
  if (/^ {0,3}>/.test(line)) return quoted(lines, index, depth);
  if (ITEM.test(line)) return list(lines, index, depth);
  if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[index + 1] || "")) return table(lines, index);
  if (!line.trim()) return [null, index + 1];
  return paragraph(lines, index);
}

function fenced(lines, index, mark) {
  let end = index + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(mark) && !lines[end].trim().slice(mark.length).replaceAll(mark[0], ""))) end++;
  const code = el("code", {}, ...visible(lines.slice(index + 1, end).join("\n")));
  return [el("pre", { dir: "ltr" }, code), end + 1];
}

function quoted(lines, index, depth) {
  let end = index;
  while (end < lines.length && /^ {0,3}>/.test(lines[end])) end++;
  const inner = lines.slice(index, end).map((line) => line.replace(/^ {0,3}> ?/, ""));
  return [el("blockquote", {}, ...blocks(inner, depth + 1)), end];
}

function list(lines, index, depth) {
  const first = lines[index].match(ITEM);
  const indent = first[1].length;
  const ordered = /\d/.test(first[2]);
  const node = el(ordered ? "ol" : "ul", ordered ? { start: parseInt(first[2], 10) } : {});
  while (index < lines.length) {
    const match = lines[index].match(ITEM);
    if (!match || match[1].length !== indent || /\d/.test(match[2]) !== ordered) break;
    const inner = [match[3]];
    index++;
    while (index < lines.length && belongs(lines, index, indent)) inner.push(lines[index++].replace(new RegExp(`^\\s{0,${indent + 3}}`), ""));
    const content = blocks(inner, depth + 1);
    // An item of one paragraph reads better without the paragraph's margins.
    node.append(el("li", { dir: "auto" }, ...(content[0]?.tagName === "P" ? [...content[0].childNodes, ...content.slice(1)] : content)));
    while (index + 1 < lines.length && !lines[index].trim() && ITEM.test(lines[index + 1])) index++;
  }
  return [node, index];
}

function belongs(lines, index, indent) {
  const line = lines[index];
  if (!line.trim()) return /^\s/.test(lines[index + 1] || "") && leading(lines[index + 1]) > indent && Boolean((lines[index + 1] || "").trim());
  return leading(line) > indent || !(ITEM.test(line) || /^ {0,3}(#{1,6}\s|>|`{3}|~{3})/.test(line));
}

function leading(line) {
  return line.length - line.trimStart().length;
}

function table(lines, index) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|");
  const row = (line, tag) => el("tr", {}, ...cells(line).map((cell) => el(tag, { dir: "auto" }, ...inline(cell.trim()))));
  const body = el("tbody");
  const node = el("table", {}, el("thead", {}, row(lines[index], "th")), body);
  let end = index + 2;
  while (end < lines.length && lines[end].includes("|")) body.append(row(lines[end++], "td"));
  return [node, end];
}

function paragraph(lines, index) {
  let end = index + 1;
  while (end < lines.length && lines[end].trim() && !/^ {0,3}(#{1,6}\s|>|`{3}|~{3})/.test(lines[end]) && !ITEM.test(lines[end])) end++;
  const node = el("p", { dir: "auto" });
  lines.slice(index, end).forEach((line, number) => node.append(...(number ? [el("br")] : []), ...inline(line.trim())));
  return [node, end];
}

function inline(text) {
  const nodes = [];
  let position = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(...visible(text.slice(position, match.index)), span(match));
    position = match.index + match[0].length;
  }
  return [...nodes, ...visible(text.slice(position))];
}

function span(match) {
  const [, ticks, code, alt, image, label, link, , bold, , italic, struck] = match;
  if (ticks) return el("code", {}, ...visible(code));
  if (image !== undefined) return el("span", { class: "link" }, `[image: ${alt}] (${image})`);
  if (link !== undefined) return el("span", { class: "link" }, ...inline(label), el("span", { class: "address" }, ` (${link})`));
  if (bold !== undefined) return el("strong", {}, ...inline(bold));
  if (italic !== undefined) return el("em", {}, ...inline(italic));
  return el("s", {}, ...inline(struck));
}
