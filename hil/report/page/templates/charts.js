// Charts drawn from their descriptions: the nearest value, zoom, series to hide. It follows axes.js in
// one function. A mark speaks for the point that it stands on.
const COLORS = 7;
const WHOLE = [0, 0, STEPS, STEPS];
const charts = [];

class Chart {
  constructor(figure, data) {
    this.figure = figure;
    this.canvas = figure.querySelector(".hil-canvas");
    this.x = data.x;
    this.y = data.y;
    this.lateness = data.lateness;
    this.view = WHOLE;
    this.at = -1;
    this.points = [];
    this.draw(data, this.canvas.textContent);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "group");
    this.canvas.setAttribute("aria-label",
      `${figure.querySelector("figcaption").textContent}: arrow keys read values, plus and minus zoom, 0 shows all`);
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.silent());
    this.canvas.addEventListener("dblclick", () => this.show(WHOLE));
    this.canvas.addEventListener("keydown", (event) => this.typed(event));
    this.canvas.addEventListener("focus", () => this.ready());
    this.names = this.legend(data.series);
  }

  draw(data, alt) {
    let [width, height, left] = data.wide ? [600, 320, 68] : [440, 270, 60];
    const [top, right, bottom] = data.wide ? [30, 28, 46] : [24, 22, 40];
    if (isFixed(this.y)) {
      left = Math.max(left, 12 + 9.2 * Math.max(...this.y.categories.map((name) => name.length)));
      height = Math.max(height, top + bottom + 24 * this.y.categories.length);
    }
    this.box = [left, top, width - left - right, height - top - bottom];
    this.width = width;
    const [, , w, h] = this.box;
    const svg = shape("svg", { class: "hil-chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": alt });
    this.axes = shape("g", { class: "axes" });
    this.data = shape("svg", {
      class: "data", x: left, y: top, width: w, height: h, viewBox: WHOLE.join(" "), preserveAspectRatio: "none",
    });
    svg.append(
      this.axes,
      shape("text", { class: "u", x: 4, y: top - 10 }, this.y.label),
      shape("text", { class: "v", x: left + w, y: height - 5 }, this.x.label),
      this.data,
    );
    this.svg = svg;
    this.drawAxes();
    for (const line of data.references) this.data.append(this.reference(line));
    this.lines = shape("g", {});
    this.data.append(this.lines);
    this.hasQuiet = data.series.some((series) => series.quiet);
    data.series.forEach((series, number) => {
      const line = this.series(series, number);
      if (series.quiet) this.lines.prepend(line);
      else this.lines.append(line);
    });
    this.named = data.wide ? data.marks.filter((mark) => mark.kind === "worst") : [];
    for (const mark of data.marks) this.mark(mark);
    this.labels = shape("g", { class: "labels" });
    svg.append(this.labels);
    this.drawLabels();
    const marked = new Set(data.marks.map((mark) => `${mark.x} ${STEPS - mark.y}`));
    this.points = this.points.filter((point) => point.isMark || !marked.has(`${point.x} ${point.y}`));
    this.points.sort((a, b) => a.x - b.x || a.y - b.y);
    this.canvas.replaceChildren(svg);
  }

  series(series, number) {
    const x = positions(series.x);
    const y = down(positions(series.y));
    const color = series.color < 0 ? "ink" : `c${series.color % COLORS}${series.color >= COLORS ? " dash" : ""}`;
    const group = shape("g", { class: `${color}${series.quiet ? " quiet" : ""}`, "data-line": number });
    const add = (kind, path) => path && group.append(shape("path", { class: kind, d: path }));
    const isSteps = series.style === "steps";
    const isPoints = series.style === "points" || x.length === 1;
    let [lo, hi] = [[], []];
    if (series.bounds) {
      [lo, hi] = [series.lo, series.hi].map((part) => (series.bounds === "x" ? positions(part) : down(positions(part))));
      if (isPoints) add("whisker", whiskerPath(series.bounds, series.bounds === "x" ? y : x, lo, hi));
      else if (isSteps) add("band", bandPath(twice(x).slice(1, -1), twice(lo), twice(hi)));
      else add("band", bandPath(x, lo, hi));
    }
    add(isPoints ? "dot" : "line", (isSteps ? stepPath : isPoints ? dotPath : linePath)(x, y));
    if (series.origin_x) add("line", strokePath(positions(series.origin_x), down(positions(series.origin_y)), x, y));
    y.forEach((at, k) => {
      const across = isSteps ? (x[k] + x[k + 1]) / 2 : x[k];
      if (at === null || across === null || (isSteps && at >= STEPS)) return;
      const bounds = isPoints && lo.length ? { along: series.bounds, ends: [lo[k], hi[k]] } : undefined;
      this.points.push({ x: across, y: at, group, name: series.name, bounds });
    });
    return group;
  }

  mark(mark) {
    const y = STEPS - mark.y;
    if (mark.bounds) {
      const [lo, hi] = down(mark.bounds);
      this.data.append(shape("path", { class: "ends", d: `M${mark.x} ${lo}V${hi}` }));
    }
    const node = shape("path", { class: mark.kind, d: `M${mark.x} ${y}h0` });
    this.data.append(node);
    this.points.push({ x: mark.x, y, group: node, name: mark.text, isMark: true });
  }

  reference(line) {
    const across = line.axis === "x";
    const [a, b] = [line.at, line.to ?? line.at].map((at) => (across ? at : STEPS - at)).sort((p, q) => p - q);
    if (line.to === undefined) {
      return shape("path", { class: line.kind, d: across ? `M${a} 0v${STEPS}` : `M0 ${a}h${STEPS}` });
    }
    const [x, y, width, height] = across ? [a, 0, b - a, STEPS] : [0, a, STEPS, b - a];
    return shape("rect", { class: line.kind, x, y, width, height });
  }

  // A button for each named series, and another for all where they are many.
  legend(series) {
    const list = make("ul", "", { class: "hil-legend" });
    const names = [];
    series.forEach(({ name }, number) => {
      if (!name) return;
      const item = make("li", "", { "data-line": number });
      const line = this.data.querySelector(`g[data-line="${number}"]`);
      const button = make("button", "", { type: "button", "aria-pressed": String(!line.classList.contains("quiet")) });
      button.append(make("i", "", { class: line.getAttribute("class").replace(" quiet", "") }), name);
      button.addEventListener("click", () => this.all([name], button.getAttribute("aria-pressed") !== "true"));
      item.append(button);
      list.append(item);
      names.push({ name, button, line, isFirst: button.getAttribute("aria-pressed") === "true" });
    });
    if (this.hasQuiet) {
      list.classList.add("hil-choose");
      const item = make("li");
      const button = make("button", "all, or the best", { type: "button" });
      button.addEventListener("click", () => {
        const isAll = names.every((entry) => entry.button.getAttribute("aria-pressed") === "true");
        this.all(names.map((entry) => entry.name), true);
        if (isAll) this.all(names.filter((entry) => !entry.isFirst).map((entry) => entry.name), false);
      });
      item.append(button);
      list.append(item);
    } else if (names.length > 3) {
      const item = make("li");
      const button = make("button", "all or none", { type: "button" });
      button.addEventListener("click", () => {
        const isShown = names.some((entry) => entry.button.getAttribute("aria-pressed") === "true");
        this.all(names.map((entry) => entry.name), !isShown);
      });
      item.append(button);
      list.append(item);
    }
    if (names.length) this.canvas.before(list);
    return names;
  }

  // Chooses series here and in the charts beside this one: where some are quiet the others turn grey,
  // else they are hidden.
  all(names, on) {
    const group = this.figure.closest(".hil-group");
    const beside = charts.filter((chart) => chart === this || (group && chart.figure.closest(".hil-group") === group));
    for (const chart of beside) for (const name of names) chart.toggle(name, on);
  }

  toggle(name, on) {
    for (const entry of this.names) {
      if (entry.name !== name) continue;
      entry.button.setAttribute("aria-pressed", String(on));
      if (this.hasQuiet) {
        entry.line.classList.toggle("quiet", !on);
        if (on) this.lines.append(entry.line);
        else this.lines.prepend(entry.line);
      } else entry.line.style.display = on ? "" : "none";
    }
    this.silent();
  }

  // The line that says values and the buttons to zoom: only once somebody reads the chart.
  ready() {
    if (this.output) return;
    this.output = make("output", "", { class: "hil-says", "aria-live": "polite" });
    const tools = make("span", "", { class: "hil-zoom" });
    const add = (label, title, act) => {
      const button = make("button", label, { type: "button", title, "aria-label": title });
      button.addEventListener("click", act);
      tools.append(button);
    };
    add("+", "zoom in", () => this.zoom(0.5));
    add("\u2212", "zoom out", () => this.zoom(2));
    add("0", "show all", () => this.show(WHOLE));
    const bar = make("div", "", { class: "hil-bar" });
    bar.append(this.output, tools);
    this.canvas.after(bar);
    this.spot = shape("path", { class: "spot" });
    this.area = shape("rect", { class: "area", visibility: "hidden" });
    this.data.append(this.area, this.spot);
  }

  locate(event) {
    const outer = this.svg.getBoundingClientRect();
    const scale = this.svg.viewBox.baseVal.width / outer.width;
    const [left, top, width, height] = this.box;
    const [x0, y0, w, h] = this.view;
    return {
      x: x0 + (((event.clientX - outer.left) * scale - left) / width) * w,
      y: y0 + (((event.clientY - outer.top) * scale - top) / height) * h,
    };
  }

  // Whether a point can be read: by the keyboard those in colour, under the pointer all.
  inside(point, quiet = false) {
    const [x0, y0, w, h] = this.view;
    return point.group.style.display !== "none" && (quiet || !point.group.classList.contains("quiet"))
      && point.x >= x0 && point.x <= x0 + w && point.y >= y0 && point.y <= y0 + h;
  }

  moved(event) {
    this.ready();
    const at = this.locate(event);
    if (this.start) return this.select(at);
    const [, , w, h] = this.view;
    const ratio = this.box[3] / this.box[2];
    let [best, nearest] = [Infinity, -1];
    this.points.forEach((point, index) => {
      if (!this.inside(point, true)) return;
      const away = ((point.x - at.x) / w) ** 2 + (((point.y - at.y) / h) * ratio) ** 2;
      if (away < best * (point.isMark ? 1.0001 : 1)) [best, nearest] = [away, index];
    });
    return best < 0.05 ? this.say(nearest) : this.silent();
  }

  say(index) {
    const point = this.points[index];
    this.at = index;
    this.spot.setAttribute("d", `M${point.x} ${point.y}h0`);
    this.output.textContent = point.isMark ? point.name : this.reading(point);
  }

  reading(point) {
    const values = { x: said(this.x, this.value("x", point.x)), y: said(this.y, this.value("y", point.y)) };
    if (point.bounds && point.bounds.ends.every((end) => end !== null)) {
      const { along, ends } = point.bounds;
      values[along] += ` [${ends.map((end) => said(this[along], this.value(along, end))).join(", ")}]`;
    }
    const parts = ["x", "y"].map((name) => values[name]).filter((part) => part && !point.name.startsWith(part));
    return `${point.name ? `${point.name}: ` : ""}${parts.join(", ")}`;
  }

  value(name, step) {
    return name === "x" ? valueAt(this.x, step / STEPS) : valueAt(this.y, 1 - step / STEPS);
  }

  silent() {
    this.at = -1;
    if (!this.output) return;
    this.spot.setAttribute("d", "");
    this.output.textContent = "";
  }

  pressed(event) {
    if (event.pointerType !== "mouse") return this.moved(event);
    if (event.button !== 0) return undefined;
    this.ready();
    this.start = this.locate(event);
    this.canvas.setPointerCapture(event.pointerId);
    return undefined;
  }

  // The dragged frame; an axis of categories is always shown whole.
  frame(at) {
    const [x, width] = isFixed(this.x) ? [0, STEPS] : [Math.min(this.start.x, at.x), Math.abs(at.x - this.start.x)];
    const [y, height] = isFixed(this.y) ? [0, STEPS] : [Math.min(this.start.y, at.y), Math.abs(at.y - this.start.y)];
    return [x, y, width, height];
  }

  select(at) {
    const names = ["x", "y", "width", "height"];
    this.frame(at).forEach((value, index) => this.area.setAttribute(names[index], String(value)));
    this.area.setAttribute("visibility", "visible");
  }

  released(event) {
    if (!this.start) return;
    const box = this.frame(this.locate(event));
    this.start = undefined;
    this.area.setAttribute("visibility", "hidden");
    if (box[2] > 0.02 * this.view[2] && box[3] > 0.02 * this.view[3]) this.show(box);
  }

  zoom(factor) {
    this.ready();
    const [x0, y0, w, h] = this.view;
    const point = this.points[this.at] ?? { x: x0 + w / 2, y: y0 + h / 2 };
    const [wide, tall] = [isFixed(this.x) ? STEPS : w * factor, isFixed(this.y) ? STEPS : h * factor];
    this.show([point.x - wide / 2, point.y - tall / 2, wide, tall]);
  }

  show(view) {
    const size = [view[2], view[3]].map((part) => Math.min(STEPS, Math.max(part, STEPS / 200)));
    const start = [0, 1].map((k) => Math.min(Math.max(view[k], 0), STEPS - size[k]));
    this.view = [...start, ...size];
    this.data.setAttribute("viewBox", this.view.join(" "));
    this.drawAxes();
  }

  // Position in the view and text of each tick: the description's, or others in a section.
  ticks(axis, from, size) {
    if (size === STEPS) return axis.ticks.map(([step, label]) => [step / STEPS, label]);
    const part = { ...axis, lo: valueAt(axis, from / STEPS), hi: valueAt(axis, (from + size) / STEPS) };
    return ticks(part).map((value) => [positionOf(part, value), text(part, value)]);
  }

  drawAxes() {
    const [left, top, width, height] = this.box;
    const [x0, y0, w, h] = this.view;
    const nodes = [];
    let grid = "";
    for (const [position, label] of this.ticks(this.x, x0, w)) {
      let at = left + position * width;
      grid += `M${at} ${top}v${height}`;
      if (isFixed(this.x)) at = Math.min(at, this.width - 4 * label.length);
      nodes.push(shape("text", { class: "m", x: at, y: top + height + 14 }, label));
    }
    for (const [position, label] of this.ticks(this.y, STEPS - y0 - h, h)) {
      const at = top + (1 - position) * height;
      grid += `M${left} ${at}h${width}`;
      nodes.push(shape("text", { class: "e", x: left - 5, y: at + 4 }, label));
    }
    nodes.unshift(shape("path", { class: "grid", d: grid }), shape("path", { class: "frame", d: `M${left} ${top}v${height}h${width}` }));
    this.axes.replaceChildren(...nodes);
    if (this.labels) this.drawLabels();
  }

  // What the worst point is stands beside it, as long as it is in view.
  drawLabels() {
    const [left, top, width, height] = this.box;
    const [x0, y0, w, h] = this.view;
    const nodes = this.named.flatMap((mark) => {
      const [x, y] = [(mark.x - x0) / w, (STEPS - mark.y - y0) / h];
      if (x < 0 || x > 1 || y < 0 || y > 1) return [];
      const at = { x: left + x * width + (x > 0.5 ? 4 : -4), y: Math.max(top + 14, top + y * height - 9) };
      return [shape("text", { class: x > 0.5 ? "e" : "s", ...at }, mark.text)];
    });
    this.labels.replaceChildren(...nodes);
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
    else if (event.key === "0" || event.key === "Escape") { this.show(WHOLE); this.silent(); }
    else return;
    event.preventDefault();
  }

  deadline(us) {
    if (!this.lateness) return;
    const across = this.lateness === "x";
    const at = Math.round(Math.min(2, Math.max(-1, positionOf(this[this.lateness], us))) * STEPS);
    this.line ??= this.data.appendChild(shape("path", { class: "deadline" }));
    this.line.setAttribute("d", across ? `M${at} 0v${STEPS}` : `M0 ${STEPS - at}h${STEPS}`);
  }
}

// A chart is drawn once it can be seen; on paper all of them are.
let deadline;
const drawn = new WeakSet();
function drawCharts(within, isPrinting = false) {
  for (const block of all("script.hil-chart-data", within)) {
    const figure = block.closest("figure");
    if (drawn.has(figure) || (!isPrinting && figure.closest("details:not([open])"))) continue;
    drawn.add(figure);
    const chart = new Chart(figure, JSON.parse(block.textContent));
    charts.push(chart);
    if (deadline) chart.deadline(deadline);
  }
}
function showDeadline(us) {
  deadline = us;
  for (const chart of charts) chart.deadline(us);
}
document.addEventListener("toggle", (event) => drawCharts(event.target), true);
addEventListener("beforeprint", () => drawCharts(document, root.dataset.print === "all"));
drawCharts(document);
