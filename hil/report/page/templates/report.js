// What the page does when it is read: deadline, filters, theme, print. It follows charts.js in one
// function; without a script every number is on the page too.
const limits = JSON.parse(byId("hil-data").textContent).limits;
const chosen = {
  board: "",
  load: "",
  deadline: 1000,
  get isAsked() { return this.deadline !== 1000; },
};

// The deadline: the rules are those of the host, which made the limits and every sentence.
const MOST_NAMED = 3;
const WORDS = { yes: "holds", no: "does not", open: "not decided" };
const ORDER = ["yes", "open", "no"];
function answerOf([below, from], us) {
  if (below === null || us < below) return "no";
  return from !== null && us >= from ? "yes" : "open";
}
function sizeOf([below, from], answer) {
  return (answer === "no" ? below : from) ?? Infinity;
}
function judge(board, kind, us) {
  const rows = limits.filter((row) => row.board === board && (!chosen.load || row.load === chosen.load));
  const several = new Set(rows.map((row) => row.load)).size > 1;
  const held = [...new Set(rows.map((row) => row.technique))].map((technique) => {
    const own = rows.filter((row) => row.technique === technique);
    const answers = own.map((row) => answerOf(row[kind], us));
    const answer = ["no", "open", "yes"].find((word) => answers.includes(word));
    const worst = own.filter((row, index) => answers[index] === answer)
      .reduce((a, b) => (sizeOf(b[kind], answer) > sizeOf(a[kind], answer) ? b : a));
    const reason = worst[kind][2 + ["no", "open", "yes"].indexOf(answer)];
    return { technique, answer, limit: sizeOf(worst[kind], answer), floor: worst[kind][0] ?? Infinity, reason: several ? `${reason} (load ${worst.load})` : reason };
  });
  const compare = (a, b) => (a < b ? -1 : Number(a > b));
  return held.sort((a, b) => compare(ORDER.indexOf(a.answer), ORDER.indexOf(b.answer))
    || compare(a.limit, b.limit) || compare(a.floor, b.floor));
}
function some(names) {
  if (names.length <= MOST_NAMED + 1) return names.join(", ");
  return `${names.slice(0, MOST_NAMED).join(", ")} and ${names.length - MOST_NAMED} more`;
}
function sentence(held) {
  const first = held[0];
  if (first.answer === "yes") {
    const more = held.slice(1).filter((other) => other.answer === "yes");
    const named = (text, others) => (others.length ? ` ${text}: ${some(others.map((other) => other.technique))}.` : "");
    const alike = named("As good, as far as the bounds tell", more.filter((other) => other.floor <= first.limit));
    return `choose ${first.technique}: ${first.reason}.${alike}${named("Also", more.filter((other) => other.floor > first.limit))}`;
  }
  const word = first.answer === "open" ? "nothing is certain" : "none holds it";
  if (first.limit === Infinity && first.answer === "no") return `${word}.`;
  return `${word}; nearest is ${first.technique}: ${first.reason}.`;
}
function answer() {
  for (const part of all(".hil-advice")) {
    const board = part.dataset.board;
    for (const node of all(".hil-for", part)) node.textContent = timeText(chosen.deadline);
    const held = { soft: judge(board, "soft", chosen.deadline), hard: judge(board, "hard", chosen.deadline) };
    if (!held.soft.length) continue;
    for (const line of all(".hil-line", part)) line.textContent = sentence(held[line.dataset.kind]);
    const body = part.querySelector(".hil-choices tbody");
    const rows = new Map(all("tr", body).map((row) => [row.dataset.choice, row]));
    for (const row of rows.values()) row.hidden = true;
    for (const soft of held.soft) {
      const row = rows.get(soft.technique);
      const hard = held.hard.find((other) => other.technique === soft.technique);
      for (const cell of all("td", row)) {
        const shown = cell.dataset.kind === "hard" ? hard : soft;
        cell.replaceChildren(make("span", WORDS[shown.answer], { class: `hil-${shown.answer}` }), make("small", shown.reason));
      }
      row.hidden = false;
      body.append(row);
    }
  }
  showDeadline(chosen.deadline);
}

// The deadline stands in the address, as #deadline=2000us or behind the name of a part, so that a
// shared link and a reload show the same answer. What can't be read there is said and not used.
const UNITS = { us: 1, "\u00b5s": 1, "\u03bcs": 1, ms: 1000, s: 1e6 };
const LONGEST_QUOTED = 40;
const isDeadline = (us) => us > 0 && us <= 1e12;
function inAddress() {
  const hash = location.hash.slice(1);
  const at = hash.search(/(^|&)deadline=/);
  if (at < 0) return [hash, undefined];
  let asked = hash.slice(hash.indexOf("deadline=", at) + 9);
  try { asked = decodeURIComponent(asked); } catch { /* told as it stands */ }
  return [hash.slice(0, at), asked];
}
function readDeadline(asked) {
  const parts = /^(\d+(?:\.\d*)?|\.\d+) ?(us|\u00b5s|\u03bcs|ms|s)$/.exec(asked);
  const us = parts ? Number(parts[1]) * UNITS[parts[2]] : NaN;
  return isDeadline(us) ? us : undefined;
}
function writeAddress() {
  const [part] = inAddress();
  const text = `deadline=${Number(chosen.deadline.toPrecision(12))}us`;
  try { history.replaceState(history.state, "", `#${part ? `${part}&` : ""}${text}`); } catch { /* no address here */ }
}
function ask() {
  const form = document.querySelector(".hil-ask");
  if (!form) return;
  const [value, unit, hint] = ["value", "unit", "hint"].map((name) => byId(`hil-ask-${name}`));
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const us = Number(value.value) * Number(unit.value);
    const isRead = isDeadline(us);
    hint.textContent = isRead ? "" : "A deadline is a number above 0.";
    value.toggleAttribute("aria-invalid", !isRead);
    if (!isRead) return;
    chosen.deadline = us;
    writeAddress();
    answer();
  });
  const follow = () => {
    const [part, asked] = inAddress();
    if (asked === undefined) {
      if (part && chosen.isAsked) writeAddress();
      return;
    }
    const us = readDeadline(asked);
    const shown = asked.length > LONGEST_QUOTED ? `${asked.slice(0, LONGEST_QUOTED)}\u2026` : asked;
    hint.textContent = us === undefined
      ? `The address asks for the deadline "${shown}": write it as #deadline=2000us, 2ms or 0.5s.` : "";
    if (us === undefined) return;
    const step = us >= 1e6 ? 1e6 : us >= 1000 ? 1000 : 1;
    unit.value = String(step);
    value.value = String(Number((us / step).toPrecision(12)));
    chosen.deadline = us;
    answer();
  };
  addEventListener("hashchange", follow);
  answer();
  follow();
}

function filters() {
  for (const what of ["board", "load"]) {
    const select = byId(`hil-${what}`);
    const names = [...new Set(all(".hil-group").map((group) => group.dataset[what]))];
    if (!select || names.length < 2) continue;
    select.append(make("option", "all", { value: "" }), ...names.map((name) => make("option", name, { value: name })));
    select.parentElement.hidden = false;
    select.addEventListener("change", () => {
      chosen[what] = select.value;
      for (const node of all("[data-board], [data-load]")) {
        node.hidden = ["board", "load"].some((key) => chosen[key] && node.dataset[key] && node.dataset[key] !== chosen[key]);
      }
      answer();
    });
  }
}

function theme() {
  const button = byId("hil-theme");
  if (!button) return;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("hil-theme", root.dataset.theme); } catch { /* holds for this view */ }
    tell();
  });
  system.addEventListener("change", tell);
  tell();
}

function reveal() {
  const [part] = inAddress();
  let node = null;
  try { node = byId(decodeURIComponent(part)); } catch { return; }
  for (let outer = node; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  if (node && part) node.scrollIntoView();
}

// A print is one page, the answer and all techniques, unless the button asks for everything.
function printing() {
  let opened = [];
  addEventListener("beforeprint", () => {
    if (root.dataset.print !== "all") return;
    opened = all("details:not([open])");
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
    opened = [];
    delete root.dataset.print;
  });
  const button = byId("hil-print");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.print = "all";
    drawCharts(document, true);
    print();
  });
}

// pytest-html's own table stays, at the end and folded; its sorting works by keyboard too.
function tests() {
  const title = document.querySelector("body > h1");
  if (title) {
    const header = make("header");
    title.replaceWith(header);
    header.append(title);
  }
  const table = byId("results-table");
  if (!table) return;
  const section = make("section", "", { "aria-label": "The tests themselves" });
  const part = make("details", "", { id: "hil-tests" });
  section.append(part);
  const count = document.querySelector(".run-count");
  part.append(make("summary", `The tests themselves${count ? `: ${count.textContent.trim()}` : ""}`));
  const moved = [".run-count", "p.filter", ".controls", "#results-table", "#environment-header", "#environment"];
  for (const selector of moved) part.append(...all(selector));
  const box = make("div", "", { class: "hil-scroll", tabindex: "0", role: "region", "aria-label": "Table of tests" });
  table.replaceWith(box);
  box.append(table);
  part.append(...all("body > p"));
  document.body.insertBefore(section, document.querySelector("footer"));
  for (const box of all(".filter", part)) {
    if (box.tagName === "INPUT") box.setAttribute("aria-label", `Show tests: ${box.dataset.testResult}`);
  }
  // pytest-metadata puts lists right into lists, which no reader of a screen takes for one
  for (const inner of all("#environment ul > ul", part)) {
    const item = make("li");
    inner.replaceWith(item);
    item.append(inner);
  }
  for (const head of all("#results-table .sortable, #environment-header h2")) {
    head.tabIndex = 0;
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); head.click(); }
    });
  }
}

document.addEventListener("pointerover", (event) => {
  const node = event.target instanceof Element ? event.target.closest("[data-value]") : null;
  if (node) node.title = `exactly ${node.dataset.value}`;
});
filters();
theme();
ask();
printing();
addEventListener("hashchange", reveal);
document.addEventListener("DOMContentLoaded", () => { tests(); reveal(); });
