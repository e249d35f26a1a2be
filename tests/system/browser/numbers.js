// Every number of the page: which figure it is, its exact value, and what is written for people.
() => [...document.querySelectorAll("[data-value]")].map((node) => {
  const of = (name) => node.closest(`[data-${name}]`)?.dataset[name] ?? null;
  const all = node.closest(".hil-all") !== null;
  const row = node.closest("tr");
  const head = row.querySelector("th");
  const small = node.parentElement.querySelector("small");
  const place = [of("board"), of("technique"), of("load")];
  const listed = () => [
    ...[head.firstChild.textContent.trim(), head.querySelector(".hil-soft")?.textContent ?? null],
    row.children[1].textContent,
  ];
  const summary = () => [node.dataset.metric, node.dataset.method ?? null, node.dataset.task ?? "all"];
  return {
    all,
    key: [...place, ...(all ? listed() : summary())],
    value: Number(node.dataset.value),
    text: node.textContent,
    bounds: (all ? (row.children[3].querySelector("summary") ?? row.children[3]) : small)?.textContent ?? "",
  };
})
