// A table that is wider than its box says so above itself; its shadow alone is easily missed.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const box = target.closest(".hil-scroll");
    box.classList.toggle("hil-wider", box.scrollWidth > box.clientWidth + 1);
  }
});
for (const box of all(".hil-scroll")) {
  boxes.observe(box);
  for (const part of box.children) boxes.observe(part);
}
