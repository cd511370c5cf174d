// A table whose columns sort by a click or Enter, and say in their tooltips how they are made. Texts are shown as text.

import { el, visible } from "../shared/dom.js";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const order = new WeakMap(); // by root, so that a rerun of the page keeps what the person has chosen

// `data`: {label, columns: [{name, about, isNumber}], rows: [[{shown, value}, …], …]}
export default function ({ parentElement, data }) {
  const frame = parentElement.querySelector(".frame");
  const heads = data.columns.map((column, place) => head(column, () => sortBy(place)));
  const body = el("tbody");
  frame.replaceChildren(el("table", { "aria-label": data.label }, el("thead", {}, el("tr", {}, ...heads)), body));
  fill();

  function sortBy(place) {
    const before = order.get(parentElement);
    const isSame = before?.place === place;
    order.set(parentElement, { place, isDown: isSame ? !before.isDown : data.columns[place].isNumber });
    fill();
  }

  function fill() {
    const chosen = order.get(parentElement);
    heads.forEach((th, place) =>
      th.setAttribute("aria-sort", chosen?.place !== place ? "none" : chosen.isDown ? "descending" : "ascending"),
    );
    body.replaceChildren(
      ...sorted(data.rows, chosen).map((row) =>
        el("tr", {}, ...row.map((cell, place) => show(cell, data.columns[place]))),
      ),
    );
  }
}

// What is none stays at the end, whichever way round.
export function sorted(rows, chosen) {
  if (!chosen) return rows;
  const { place, isDown } = chosen;
  return [...rows].sort((a, b) => {
    const [one, other] = [a[place].value, b[place].value];
    if (one === null || other === null) return (one === null) - (other === null);
    const difference = typeof one === "number" ? one - other : collator.compare(one, other);
    return isDown ? -difference : difference;
  });
}

function head({ name, about, isNumber }, sort) {
  return el(
    "th",
    { scope: "col", class: isNumber ? "number" : undefined, title: about || undefined },
    el("button", { type: "button", onclick: sort }, name),
  );
}

function show(cell, { isNumber }) {
  return el("td", isNumber ? { class: "number" } : { class: "text", dir: "auto" }, ...visible(cell.shown));
}
