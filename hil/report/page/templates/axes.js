// Numbers, axes and paths of the charts. No library, no network.
const STEPS = 10000;
const SVG = "http://www.w3.org/2000/svg";
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);

function make(tag, text = "", attributes = {}, namespace = "") {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}
const shape = (tag, attributes, text = "") => make(tag, text, attributes, SVG);

// Numbers as people read them.
const short = (value) => String(Number(value.toPrecision(3)));
function timeText(us, by = us, write = short) {
  const size = Math.abs(by);
  if (size >= 999999) return `${write(us / 1e6)} s`;
  return size >= 999.999 ? `${write(us / 1e3)} ms` : `${write(us)} \u00b5s`;
}
const nearZero = (value, axis) => Math.abs(value) < 1e-9 * Math.abs(axis.hi - axis.lo);

// Axes: the same kinds as the description's, so that a step read back is the value.
function bent(axis, value) {
  if (axis.kind === "log") return Math.log(Math.max(value, 1e-300));
  return axis.kind === "asinh" ? Math.asinh(value / axis.bend) : value;
}
function positionOf(axis, value) {
  const start = bent(axis, axis.lo);
  return (bent(axis, value) - start) / (bent(axis, axis.hi) - start);
}
function valueAt(axis, position) {
  const start = bent(axis, axis.lo);
  const at = start + position * (bent(axis, axis.hi) - start);
  if (axis.kind === "log") return Math.exp(at);
  return axis.kind === "asinh" ? axis.bend * Math.sinh(at) : at;
}
const isFixed = (axis) => axis.kind === "categories";
function evenly(lo, hi) {
  const rough = (hi - lo) / 5.5;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * ten).find((k) => k >= rough * 0.999);
  const values = [];
  for (let k = Math.ceil(lo / step); k * step <= hi; k += 1) values.push(k * step);
  return values;
}
function ticks(axis) {
  const { lo, hi } = axis;
  if (axis.unit === "date") return dateTicks(lo, hi);
  const least = axis.kind === "log" ? lo : Math.max(axis.bend, lo);
  if (axis.kind === "linear" || (lo > 0 && hi / lo < 30) || hi <= least) return evenly(lo, hi);
  const values = axis.kind === "asinh" && lo < 0 ? [0] : [];
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(hi))];
  const every = Math.ceil((last - first) / 7);
  for (let k = first; k <= last; k += 1) if (k % every === 0) values.push(10 ** k);
  if (axis.kind === "asinh") values.push(...values.map((value) => -value));
  return values.filter((value) => value >= lo && value <= hi);
}
function text(axis, value, write = (v) => String(Number(v.toPrecision(6)))) {
  if (isFixed(axis)) return axis.categories[Math.round(value)] ?? "";
  if (axis.unit === "date") return dateText(axis, value);
  if (axis.unit === "share") return `${write(value * 100)} %`;
  if (axis.unit === "tail") return `${Number((100 - 100 / value).toPrecision(7))} %`;
  if (nearZero(value, axis)) return "0";
  const by = axis.kind === "linear" ? Math.max(Math.abs(axis.lo), Math.abs(axis.hi)) : value;
  return axis.unit === "us" ? timeText(value, by, write) : write(value);
}
function said(axis, value) {
  if (axis.unit === "s") return `${Number(value.toPrecision(6))} s`;
  return axis.unit === "tail" ? text(axis, value) : text(axis, value, short);
}

// Positions as they are stored: the first, then differences. Upwards in the data is downwards here.
function positions(differences) {
  let at = 0;
  return differences.map((difference) => (difference === null ? null : (at += difference)));
}
const down = (steps) => steps.map((step) => (step === null ? null : STEPS - step));

function linePath(x, y) {
  let [path, pen] = ["", "M"];
  x.forEach((at, k) => {
    const isKnown = at !== null && y[k] !== null;
    if (isKnown) path += `${pen}${at} ${y[k]}`;
    pen = isKnown ? "L" : "M";
  });
  return path;
}
const dotPath = (x, y) => x.map((at, k) => (at === null || y[k] === null ? "" : `M${at} ${y[k]}h0`)).join("");
const strokePath = (x0, y0, x1, y1) => x1.map((at, k) => `M${x0[k]} ${y0[k]}L${at} ${y1[k]}`).join("");

// Each run of bins as an outline from the axis up and back; bins below the axis are empty.
function stepPath(edges, tops) {
  let [path, level] = ["", STEPS];
  tops.forEach((top, k) => {
    const height = Math.min(top, STEPS);
    if (height === STEPS && level === STEPS) return;
    if (level === STEPS) path += `M${edges[k]} ${STEPS}`;
    path += `V${height}H${edges[k + 1]}`;
    level = height;
  });
  return level === STEPS ? path : `${path}V${STEPS}`;
}
function bandPath(x, lo, hi) {
  const known = [...x.keys()].filter((k) => lo[k] !== null && hi[k] !== null);
  if (known.length < 2) return "";
  const ends = [...known.map((k) => `${x[k]} ${lo[k]}`), ...known.reverse().map((k) => `${x[k]} ${hi[k]}`)];
  return `M${ends.join("L")}z`;
}
function whiskerPath(along, at, lo, hi) {
  const parts = at.map((where, k) => {
    if (lo[k] === null || hi[k] === null) return "";
    return along === "x" ? `M${lo[k]} ${where}H${hi[k]}` : `M${where} ${lo[k]}V${hi[k]}`;
  });
  return parts.join("");
}
const twice = (values) => values.flatMap((value) => [value, value]);
