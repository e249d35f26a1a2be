// What a metric is, told where its name stands: its definition in a box beside the name. Where a
// browser has no such box, and without a script, the name leads to the definition.
const DEFINITION = "#hil-metric-";
const definitionOf = (link) => byId(link.getAttribute("href").slice(1));
const isNamed = (node) => (node instanceof Element ? node.closest(`a[href^="${DEFINITION}"]`) : null);
const explanation = make("div", "", { id: "hil-explanation", popover: "auto", role: "note", tabindex: "-1" });

function explain(link) {
  const name = definitionOf(link);
  if (!name || !explanation.showPopover) return false;
  explanation.replaceChildren(make("strong", name.textContent), ...name.nextElementSibling.cloneNode(true).childNodes);
  explanation.setAttribute("aria-label", name.textContent);
  document.body.append(explanation);
  explanation.showPopover();
  const [at, own] = [link.getBoundingClientRect(), explanation.getBoundingClientRect()];
  const below = at.bottom + own.height + 8 < innerHeight ? at.bottom + 4 : Math.max(4, at.top - own.height - 4);
  explanation.style.left = `${Math.max(8, Math.min(at.left, root.clientWidth - own.width - 8))}px`;
  explanation.style.top = `${below}px`;
  explanation.focus({ preventScroll: true });
  return true;
}
function hint(event) {
  const link = isNamed(event.target);
  const name = link && definitionOf(link);
  if (name) link.title = name.nextElementSibling.firstChild.textContent.trim();
}
// The long tables name a metric in each of their rows: these become links once they are seen.
function link(part) {
  for (const head of part.querySelectorAll(".hil-all tbody th")) {
    const [name] = head.childNodes;
    const text = name.textContent.trim();
    if (name.nodeType !== 3 || !byId(DEFINITION.slice(1) + text)) continue;
    name.replaceWith(make("a", text, { class: "hil-what", href: DEFINITION + text }), " ");
  }
}
document.addEventListener("click", (event) => {
  const name = isNamed(event.target);
  if (name && explain(name)) event.preventDefault();
});
document.addEventListener("pointerover", hint);
document.addEventListener("focusin", hint);
document.addEventListener("toggle", (event) => event.target instanceof Element && event.target.open && link(event.target), true);
