// What a page does beyond HTML: a search without a server, also from file://, and keys for what scrolls sideways.
"use strict";
const root = document.documentElement.dataset.root;
const form = document.querySelector(".search");
const query = document.getElementById("query");
const found = document.getElementById("found");
const [status, list] = found.children;
const MOST = 30;

form.hidden = false; // useless without this script, so shown by it

function load() { // the index is half as large as all text: fetched when somebody wants to search
  if (load.begun) return;
  load.begun = true;
  const script = document.createElement("script");
  script.src = root + "assets/search-index.js"; // which sets window.searchIndex and may come from file://
  script.onload = show;
  script.onerror = () => { status.textContent = "The search index could not be loaded."; };
  document.head.append(script);
}

const plain = text => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

function matches(text) { // sections that hold every word, those with the words in their heading first
  const words = plain(text).split(/\s+/).filter(Boolean);
  const hits = [];
  for (const section of words.length ? window.searchIndex : []) {
    section.plain ??= [section.page, section.title, section.text].map(plain);
    const [page, title, body] = section.plain;
    let score = 0;
    const everywhere = words.every(word => {
      const points = 20 * title.includes(word) + 5 * page.includes(word) + Math.min(body.split(word).length - 1, 5);
      score += points;
      return points;
    });
    if (everywhere) hits.push({ section, score, words });
  }
  return hits.sort((one, other) => other.score - one.score);
}

function marked(text, words) { // a piece of text around the first of the words, each of them marked
  const small = text.toLowerCase();
  const first = Math.max(0, Math.min(...words.map(word => small.indexOf(word)).filter(at => at >= 0), text.length) - 50);
  const piece = (first ? "…" : "") + text.slice(first, first + 170) + (text.length > first + 170 ? "…" : "");
  const pattern = new RegExp(`(${words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  return piece.split(pattern).map((part, i) => {
    if (i % 2 === 0) return part;
    const mark = document.createElement("mark");
    mark.textContent = part;
    return mark;
  });
}

function show() {
  found.hidden = !query.value.trim();
  list.replaceChildren();
  if (found.hidden || !window.searchIndex) return;
  const hits = matches(query.value);
  status.textContent = !hits.length ? "Nothing found. Try fewer or shorter words."
    : `${hits.length} section${hits.length === 1 ? "" : "s"}${hits.length > MOST ? `, the first ${MOST}` : ""}`;
  for (const { section, words } of hits.slice(0, MOST)) {
    const link = Object.assign(document.createElement("a"), { href: root + section.address });
    const title = Object.assign(document.createElement("strong"), { textContent: section.title });
    const place = Object.assign(document.createElement("small"), { textContent: section.page });
    const text = document.createElement("small");
    text.append(...marked(section.text, words));
    link.append(title, ...(section.page === section.title ? [] : [place]), text);
    list.append(Object.assign(document.createElement("li"), {}));
    list.lastChild.append(link);
  }
}

function close() {
  found.hidden = true;
}

query.addEventListener("focus", load);
query.addEventListener("input", () => { load(); show(); });
form.addEventListener("submit", event => {
  event.preventDefault();
  list.querySelector("a")?.click();
});
form.addEventListener("keydown", event => {
  if (event.key === "Escape") { close(); query.focus(); }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || found.hidden) return;
  const stops = [query, ...list.querySelectorAll("a")];
  stops[stops.indexOf(document.activeElement) + step]?.focus();
  event.preventDefault();
});
form.addEventListener("focusout", event => { if (!form.contains(event.relatedTarget)) close(); });
found.addEventListener("click", event => { if (event.target.closest("a")) close(); });
found.addEventListener("mousedown", event => event.preventDefault()); // a click must not close what it clicks on
document.addEventListener("keydown", event => {
  if (event.key === "/" && !event.target.closest("input, textarea")) { event.preventDefault(); query.focus(); }
});

function reach() { // what scrolls sideways must be reached by keyboard, and nothing else should stop the Tab key
  for (const box of document.querySelectorAll("pre, .wide, .drawn")) {
    const scrolls = box.scrollWidth > box.clientWidth;
    box.toggleAttribute("tabindex", scrolls);
    if (scrolls) box.tabIndex = 0;
  }
}
reach();
addEventListener("resize", reach);
document.addEventListener("toggle", reach, true);
matchMedia("(min-width: 64rem)").addEventListener("change", event => {
  if (event.matches) document.getElementById("contents").open = true; // there it cannot be opened
});
