// All steps at once: the curve of the cosine, and the table.

function cosineChart(goTo) {
  const W = 600;
  const H = 84;
  const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "chart" });
  const element = h("figure", { class: "cosines" }, drawing, h("figcaption", {}, "Cosine of gradient and DeconvNet below each layer, highest layer first; ticks are ReLUs, ◆ where they part. The keys ← and → step."));
  const now = svg("line", { y1: 4, y2: H - 4, class: "now" });
  let count = 1;
  const x = (k) => 30 + (W - 40) * (count > 1 ? k / (count - 1) : 0.5);
  drawing.addEventListener("click", (event) => {
    const box = drawing.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * W;
    goTo(Math.round(((at - 30) / (W - 40)) * (count - 1)));
  });
  return {
    element,
    show(k) {
      now.setAttribute("x1", x(k));
      now.setAttribute("x2", x(k));
    },
    setWay(way) {
      count = way.steps.length;
      const cosines = way.steps.map((step) => (step.same ? 1 : step.cosine));
      const low = Math.min(0, ...cosines.filter((c) => c !== null));
      const y = (c) => 8 + ((1 - c) / (1 - low)) * (H - 24);
      const points = cosines.flatMap((c, k) => (c === null ? [] : [`${x(k).toFixed(1)},${y(c).toFixed(1)}`]));
      const ticks = way.steps.flatMap((step, k) => (step.kind === "ReLU" ? [svg("line", { x1: x(k), x2: x(k), y1: H - 10, y2: H - 4, class: "tick" })] : []));
      const axis = [1, 0].flatMap((c) => [svg("line", { x1: 26, x2: W - 6, y1: y(c), y2: y(c), class: "axis" }), text(2, y(c) + 4, String(c))]);
      const mark = way.parted === null ? [] : [text(x(way.parted) - 5, y(cosines[way.parted] ?? 0) + 5, "◆", "diamond")];
      drawing.replaceChildren(...axis, ...ticks, svg("polyline", { points: points.join(" "), class: "curve" }), now, ...mark);
      const last = way.steps[count - 1];
      drawing.setAttribute("aria-label", `cosine of gradient and DeconvNet: ${last.same ? "1 everywhere" : `${number(last.cosine)} at the photograph`}`);
    },
  };
}

function text(x, y, words, name = "label") {
  const element = svg("text", { x, y, class: name });
  element.textContent = words;
  return element;
}

/** All steps in numbers: for whoever reads rather than looks, and for the print. */
function stepsTable() {
  const body = h("tbody");
  const heads = ["below", "shape", "open", "closed: gradient", "DeconvNet", "guided", "cosine", "‖R − grad‖ / ‖grad‖"];
  const head = h("thead", {}, h("tr", {}, ...heads.map((title) => h("th", { scope: "col" }, title))));
  const element = h("details", { class: "all-steps" }, h("summary", {}, "All steps in numbers"), h("div", { class: "wide" }, h("table", {}, head, body)));
  return {
    element,
    setWay(way) {
      const rows = way.steps.map((step, k) => {
        const cells = [product(step.shape), share(step.open), ...RULES.map((rule) => share(step.closed[rule])),
          step.same ? "same" : number(step.cosine), step.same ? "0" : number(step.difference)];
        const name = `${step.name}${k === way.parted ? " ◆ here they part" : ""}`;
        return h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) => h("td", {}, cell.replace(/^–$/, ""))));
      });
      body.replaceChildren(...rows);
    },
    show: (k) => [...body.children].forEach((row, i) => row.classList.toggle("here", i === k)),
  };
}
