// Figures that answer: the nearest value, zoom, lines to hide. The drawing itself holds the numbers.
// No library, no network.
const STEPS = 10000;
const SVG = "http://www.w3.org/2000/svg";
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const charts = [];

function make(tag, text = "", attributes = {}, namespace = "") {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

// Numbers as people read them.
const short = (value) => String(Number(value.toPrecision(3)));
function timeText(us, by = us, write = short) {
  const size = Math.abs(by);
  if (size >= 999999) return `${write(us / 1e6)} s`;
  return size >= 999.999 ? `${write(us / 1e3)} ms` : `${write(us)} us`;
}
const nearZero = (value, axis) => Math.abs(value) < 1e-9 * Math.abs(axis.hi - axis.lo);

// Axes: the same three kinds that the drawing was made with.
function readAxis(text) {
  const [kind, lo, hi, unit, bend] = text.split(",");
  return { kind, lo: Number(lo), hi: Number(hi), unit, bend: Number(bend) };
}
function bent(axis, value) {
  if (axis.kind === "log") return Math.log(Math.max(value, 1e-300));
  return axis.kind === "asinh" ? Math.asinh(value / axis.bend) : value;
}
function placeOf(axis, value) {
  const start = bent(axis, axis.lo);
  return (bent(axis, value) - start) / (bent(axis, axis.hi) - start);
}
function valueAt(axis, place) {
  const start = bent(axis, axis.lo);
  const at = start + place * (bent(axis, axis.hi) - start);
  if (axis.kind === "log") return Math.exp(at);
  return axis.kind === "asinh" ? axis.bend * Math.sinh(at) : at;
}
function evenly(lo, hi) {
  const rough = (hi - lo) / 5.5;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * ten).find((k) => k >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(lo / step); k * step <= hi; k += 1) found.push(k * step);
  return found;
}
function ticks(axis) {
  const { lo, hi } = axis;
  const least = axis.kind === "log" ? lo : Math.max(axis.bend, lo);
  if (axis.kind === "lin" || (lo > 0 && hi / lo < 30) || hi <= least) return evenly(lo, hi);
  const found = axis.kind === "asinh" && lo < 0 ? [0] : [];
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(hi))];
  const every = Math.ceil((last - first) / 7);
  for (let k = first; k <= last; k += 1) if (k % every === 0) found.push(10 ** k);
  if (axis.kind === "asinh") found.push(...found.map((value) => -value));
  return found.filter((value) => value >= lo && value <= hi);
}
function text(axis, value, write = (v) => String(Number(v.toPrecision(6)))) {
  if (axis.unit === "share") return `${write(value * 100)} %`;
  if (axis.unit === "tail") return `${Number((100 - 100 / value).toPrecision(7))} %`;
  if (nearZero(value, axis)) return "0";
  const by = axis.kind === "lin" ? Math.max(Math.abs(axis.lo), Math.abs(axis.hi)) : value;
  return axis.unit === "us" ? timeText(value, by, write) : write(value);
}
function said(axis, value) {
  if (axis.unit === "s") return `${Number(value.toPrecision(6))} s`;
  return axis.unit === "tail" ? text(axis, value) : text(axis, value, short);
}

// The points of a path as they were drawn.
function points(path) {
  const found = [];
  let [x, y, command, held] = [0, 0, "", []];
  for (const part of path.match(/[a-zA-Z]|-?\d+/g) ?? []) {
    if (/[a-zA-Z]/.test(part)) { command = part; held = []; continue; }
    held.push(Number(part));
    if ("Ml".includes(command) && held.length < 2) continue;
    if (command === "M") [x, y] = held;
    else if (command === "l") [x, y] = [x + held[0], y + held[1]];
    else if (command === "h") x += held[0];
    else if (command === "v") y += held[0];
    held = [];
    found.push([x, y]);
  }
  return found;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.canvas = figure.querySelector(".hil-canvas");
    this.svg = figure.querySelector("svg.hil-chart");
    this.data = this.svg.querySelector("svg.data");
    this.axes = this.svg.querySelector("g.axes");
    this.first = [...this.axes.childNodes];
    this.x = readAxis(this.svg.dataset.x);
    this.y = readAxis(this.svg.dataset.y);
    this.rows = this.y.unit === "rows";
    this.box = ["x", "y", "width", "height"].map((name) => Number(this.data.getAttribute(name)));
    this.view = [0, 0, STEPS, STEPS];
    this.at = -1;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "group");
    this.canvas.setAttribute("aria-label",
      `${figure.querySelector("figcaption").textContent}: arrow keys read values, plus and minus zoom, 0 shows all`);
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.silent());
    this.canvas.addEventListener("dblclick", () => this.show([0, 0, STEPS, STEPS]));
    this.canvas.addEventListener("keydown", (event) => this.typed(event));
    this.canvas.addEventListener("focus", () => this.ready());
    this.names = all(".hil-legend > li", figure).map((item) => this.button(item));
    if (this.names.length > 3) this.everyLine();
  }

  button(item) {
    const name = item.textContent;
    const button = make("button", "", { type: "button", "aria-pressed": "true" });
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => this.all([name], button.getAttribute("aria-pressed") !== "true"));
    return { name, button, line: item.dataset.line };
  }

  // Hides or shows lines here and in the figures beside this one.
  all(names, on) {
    const group = this.figure.closest(".hil-group");
    const beside = charts.filter((one) => one === this || (group && one.figure.closest(".hil-group") === group));
    for (const chart of beside) for (const name of names) chart.toggle(name, on);
  }

  everyLine() {
    const item = make("li");
    const button = make("button", "all or none", { type: "button" });
    button.addEventListener("click", () => {
      const shown = this.names.some((one) => one.button.getAttribute("aria-pressed") === "true");
      this.all(this.names.map((one) => one.name), !shown);
    });
    item.append(button);
    this.figure.querySelector(".hil-legend").append(item);
  }

  toggle(name, on) {
    for (const one of this.names) {
      if (one.name !== name) continue;
      one.button.setAttribute("aria-pressed", String(on));
      this.data.querySelector(`g[data-line="${one.line}"]`).style.display = on ? "" : "none";
    }
    this.silent();
  }

  ready() {
    if (this.points) return;
    this.output = make("output", "", { class: "hil-says", "aria-live": "polite" });
    const tools = make("span", "", { class: "hil-zoom" });
    const add = (label, title, act) => {
      const button = make("button", label, { type: "button", title, "aria-label": title });
      button.addEventListener("click", act);
      tools.append(button);
    };
    add("+", "zoom in", () => this.zoom(0.5));
    add("\u2212", "zoom out", () => this.zoom(2));
    add("0", "show all", () => this.show([0, 0, STEPS, STEPS]));
    const bar = make("div", "", { class: "hil-bar" });
    bar.append(this.output, tools);
    this.canvas.after(bar);
    this.spot = make("path", "", { class: "spot" }, SVG);
    this.area = make("rect", "", { class: "area", visibility: "hidden" }, SVG);
    this.data.append(this.area, this.spot);
    this.points = [];
    for (const group of all("g[data-line]", this.data)) {
      const path = group.querySelector("path.line, path.dot").getAttribute("d");
      const known = this.names.find((one) => one.line === group.dataset.line);
      const name = known ? known.name : "";
      const stairs = path.includes("v");
      for (const [x, y] of points(path)) if (!stairs || y < STEPS) this.points.push({ x, y, group, name });
    }
    for (const mark of all("path[data-text]", this.data)) {
      const [[x, y]] = points(mark.getAttribute("d"));
      this.points.push({ x, y, group: mark, name: mark.dataset.text, mark: true });
    }
    this.points.sort((a, b) => a.x - b.x || a.y - b.y);
  }

  place(event) {
    const outer = this.svg.getBoundingClientRect();
    const scale = this.svg.viewBox.baseVal.width / outer.width;
    const [left, top, width, height] = this.box;
    const [x0, y0, w, h] = this.view;
    return {
      x: x0 + (((event.clientX - outer.left) * scale - left) / width) * w,
      y: y0 + (((event.clientY - outer.top) * scale - top) / height) * h,
    };
  }

  inside(point) {
    const [x0, y0, w, h] = this.view;
    return point.group.style.display !== "none"
      && point.x >= x0 && point.x <= x0 + w && point.y >= y0 && point.y <= y0 + h;
  }

  moved(event) {
    this.ready();
    const at = this.place(event);
    if (this.start) return this.select(at);
    const [, , w, h] = this.view;
    const ratio = this.box[3] / this.box[2];
    let [best, nearest] = [Infinity, -1];
    this.points.forEach((point, index) => {
      if (!this.inside(point)) return;
      const away = ((point.x - at.x) / w) ** 2 + (((point.y - at.y) / h) * ratio) ** 2;
      if (away < best * (point.mark ? 1.0001 : 1)) [best, nearest] = [away, index];
    });
    return best < 0.05 ? this.say(nearest) : this.silent();
  }

  say(index) {
    const point = this.points[index];
    this.at = index;
    this.spot.setAttribute("d", `M${point.x} ${point.y}h0`);
    const [x, y] = [valueAt(this.x, point.x / STEPS), valueAt(this.y, 1 - point.y / STEPS)];
    const value = this.rows ? said(this.x, x) : `${said(this.x, x)}, ${said(this.y, y)}`;
    this.output.textContent = point.mark ? point.name : `${point.name}: ${value}`;
  }

  silent() {
    this.at = -1;
    if (!this.points) return;
    this.spot.setAttribute("d", "");
    this.output.textContent = "";
  }

  pressed(event) {
    if (event.pointerType !== "mouse") return this.moved(event);
    if (event.button !== 0) return undefined;
    this.ready();
    this.start = this.place(event);
    this.canvas.setPointerCapture(event.pointerId);
    return undefined;
  }

  corner(at) {
    const low = [Math.min(this.start.x, at.x), this.rows ? 0 : Math.min(this.start.y, at.y)];
    const size = [Math.abs(at.x - this.start.x), this.rows ? STEPS : Math.abs(at.y - this.start.y)];
    return [...low, ...size];
  }

  select(at) {
    const names = ["x", "y", "width", "height"];
    this.corner(at).forEach((value, index) => this.area.setAttribute(names[index], String(value)));
    this.area.setAttribute("visibility", "visible");
  }

  released(event) {
    if (!this.start) return;
    const box = this.corner(this.place(event));
    this.start = undefined;
    this.area.setAttribute("visibility", "hidden");
    if (box[2] > 0.02 * this.view[2] && box[3] > 0.02 * this.view[3]) this.show(box);
  }

  zoom(factor) {
    this.ready();
    const [x0, y0, w, h] = this.view;
    const point = this.points[this.at] ?? { x: x0 + w / 2, y: y0 + h / 2 };
    const tall = this.rows ? STEPS : h * factor;
    this.show([point.x - (w * factor) / 2, this.rows ? 0 : point.y - tall / 2, w * factor, tall]);
  }

  show(view) {
    const size = [view[2], view[3]].map((part) => Math.min(STEPS, Math.max(part, STEPS / 200)));
    const start = [0, 1].map((k) => Math.min(Math.max(view[k], 0), STEPS - size[k]));
    this.view = [...start, ...size];
    this.data.setAttribute("viewBox", this.view.join(" "));
    if (size[0] === STEPS && size[1] === STEPS) this.axes.replaceChildren(...this.first);
    else this.drawAxes();
  }

  drawAxes() {
    const [left, top, width, height] = this.box;
    const [x0, y0, w, h] = this.view;
    const part = (axis, from, to) => ({ ...axis, lo: valueAt(axis, from), hi: valueAt(axis, to) });
    const x = part(this.x, x0 / STEPS, (x0 + w) / STEPS);
    const y = part(this.y, 1 - (y0 + h) / STEPS, 1 - y0 / STEPS);
    const nodes = [];
    let grid = "";
    for (const value of ticks(x)) {
      const at = left + placeOf(x, value) * width;
      grid += `M${at} ${top}v${height}`;
      nodes.push(make("text", text(x, value), { class: "m", x: at, y: top + height + 14 }, SVG));
    }
    for (const value of this.rows ? [] : ticks(y)) {
      const at = top + (1 - placeOf(y, value)) * height;
      grid += `M${left} ${at}h${width}`;
      nodes.push(make("text", text(y, value), { class: "e", x: left - 5, y: at + 4 }, SVG));
    }
    if (this.rows) nodes.push(...this.first.filter((node) => node.classList.contains("e")).map((node) => node.cloneNode(true)));
    nodes.unshift(make("path", "", { class: "grid", d: grid }, SVG),
      make("path", "", { class: "frame", d: `M${left} ${top}v${height}h${width}` }, SVG));
    this.axes.replaceChildren(...nodes);
  }

  typed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    this.ready();
    const [x0, y0, w, h] = this.view;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && event.shiftKey) {
      const across = event.key === "ArrowLeft" || event.key === "ArrowRight";
      this.show([x0 + (across ? step * w * 0.2 : 0), y0 + (across ? 0 : step * h * 0.2), w, h]);
    } else if (step) {
      let next = this.at < 0 && step < 0 ? this.points.length : this.at;
      do next += step; while (this.points[next] && !this.inside(this.points[next]));
      if (this.points[next]) this.say(next);
    } else if (event.key === "+" || event.key === "=") this.zoom(0.5);
    else if (event.key === "-") this.zoom(2);
    else if (event.key === "0" || event.key === "Escape") { this.show([0, 0, STEPS, STEPS]); this.silent(); }
    else return;
    event.preventDefault();
  }

  deadline(us) {
    if (!this.figure.classList.contains("hil-late")) return;
    const across = this.x.unit === "us";
    const axis = across ? this.x : this.y;
    const at = Math.round(Math.min(2, Math.max(-1, placeOf(axis, us))) * STEPS);
    this.line ??= this.data.appendChild(make("path", "", { class: "deadline" }, SVG));
    this.line.setAttribute("d", across ? `M${at} 0v${STEPS}` : `M0 ${STEPS - at}h${STEPS}`);
  }
}
