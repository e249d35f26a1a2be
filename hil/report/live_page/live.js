"use strict";
(() => {
  const EVERY_MS = 500;
  const GIVE_UP_AFTER = 6;
  const SPACE = "http://www.w3.org/2000/svg";
  const COLUMNS = [
    "lateness_p50_us", "lateness_p99_us", "lateness_max_us", "missed", "extra", "dropped",
  ];
  const at = (id) => document.getElementById(id);
  const digits = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (Number.isInteger(value) || size >= 100) return value.toFixed(0);
    return size >= 10 ? value.toFixed(1) : value.toFixed(2);
  };
  const micro = (text) => text.replaceAll(" us", " µs");
  const elapsed = (seconds) => {
    const whole = Math.round(seconds);
    if (whole < 100) return `${whole} s`;
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  };
  const element = (name, attributes, text) => {
    const made = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const cells = (values) => {
    const row = document.createElement("tr");
    values.forEach((value, number) => {
      const cell = document.createElement(number ? "td" : "th");
      if (!number) cell.scope = "row";
      cell.textContent = value;
      row.append(cell);
    });
    return row;
  };

  const drawCounts = (lateness) => {
    const svg = at("counts");
    if (!lateness) return;
    const [left, width, top, height] = [4, 632, 6, 180];
    const most = Math.log1p(Math.max(1, ...lateness.counts));
    const step = width / lateness.counts.length;
    const parts = lateness.counts.map((count, number) => {
      const size = (height * Math.log1p(count)) / most;
      return element("rect", {
        class: "bar", x: left + number * step, y: top + height - size,
        width: Math.max(step - 1, 0.5), height: size,
      });
    });
    const floor = top + height;
    parts.push(element("path", { class: "axis", d: `M${left} ${floor}H${left + width}` }));
    let free = 0;
    for (const [position, text] of lateness.ticks) {
      const x = left + position * width;
      const room = text.length * 6;
      if (x - room < free || x + room > 640) continue;
      free = x + room;
      parts.push(element("path", { class: "axis", d: `M${x} ${floor}v5` }));
      parts.push(element("text", { x, y: floor + 24, "text-anchor": "middle" }, micro(text)));
    }
    svg.replaceChildren(...parts);
    const all = lateness.counts.reduce((sum, count) => sum + count, 0);
    const edges = lateness.edges_us;
    const ends = `${digits(edges[0])} to ${digits(edges[edges.length - 1])} µs`;
    svg.setAttribute("aria-label", `lateness of ${all} activations, from ${ends}`);
  };

  const label = (task) => (typeof task.task === "number" ? `task ${task.task}` : task.task);

  const drawLast = (tasks) => {
    const values = tasks.flatMap((task) => task.last_us);
    if (!values.length) return;
    const low = Math.min(0, ...values);
    const high = Math.max(...values, low + 1);
    const y = (value) => 130 - (120 * (value - low)) / (high - low);
    const parts = [element("path", { class: "axis", d: `M4 ${y(0)}H636` })];
    tasks.slice(0, 2).forEach((task, number) => {
      const step = 620 / Math.max(1, task.last_us.length - 1);
      const points = task.last_us.map((value, index) => [10 + index * step, y(value)]);
      const line = points.map(([x, height]) => `${x} ${height}`).join("L");
      parts.push(element("path", { class: `task${number}`, d: `M${line}` }));
      for (const [x, height] of points) {
        const mark = number
          ? element("rect", { class: "task1", x: x - 3, y: height - 3, width: 6, height: 6 })
          : element("circle", { class: "task0", cx: x, cy: height, r: 3.5 });
        parts.push(mark);
      }
    });
    at("last").replaceChildren(...parts);
    const said = tasks.map((task) => `${label(task)}: ${task.last_us.map(digits).join(", ")} µs`);
    at("last").setAttribute("aria-label", `lateness of the last activations; ${said.join("; ")}`);
    at("last-scale").textContent =
      `From ${digits(low)} to ${digits(high)} µs late; ${label(tasks[0])} dots` +
      (tasks.length > 1 ? `, ${label(tasks[1])} squares. Newest: ` : ". Newest: ") +
      tasks.map((task) => `${digits(task.last_us[task.last_us.length - 1])} µs`).join(", ");
  };

  const show = (state) => {
    const title = `${state.board}, ${state.technique} under ${state.load}`;
    document.title = `${title} – hil live`;
    at("title").textContent = `${title}, period ${digits(state.period_ms)} ms`;
    at("time").textContent =
      `${elapsed(state.elapsed_s)} of ${elapsed(state.limit_s)}, ${state.stamps} activations`;
    if (at("told").textContent !== state.told) at("told").textContent = state.told;
    const warnings = JSON.stringify(state.warnings);
    if (at("warnings").dataset.shown !== warnings) {
      at("warnings").dataset.shown = warnings;
      at("warnings").replaceChildren(...state.warnings.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }));
    }
    at("tasks").replaceChildren(...state.tasks.map((task) => cells([
      task.task, task.n,
      ...COLUMNS.map((name) => (task.figures[name] ? digits(task.figures[name].value) : "–")),
    ])));
    const costly = state.tasks.find((task) => task.sending);
    at("sending").textContent = costly ? `${label(costly)}: ${micro(costly.sending)}.` : "";
    drawCounts(state.lateness);
    drawLast(state.tasks);
  };

  let failed = 0;
  const turn = async () => {
    let over = false;
    try {
      const answer = await fetch("state", { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json();
      show(state);
      failed = 0;
      over = state.phase === "over";
    } catch {
      failed += 1;
    }
    if (over || failed >= GIVE_UP_AFTER) {
      at("told").textContent =
        "The measurement is over. Its report is in the run's folder that the terminal names.";
      return;
    }
    setTimeout(turn, EVERY_MS);
  };
  turn();
})();
