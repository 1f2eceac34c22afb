// The way down: a slider over the layers, the three signals side by side, and how alike they are.

function signalsPanel(overview, { goTo, look, play }) {
  const title = h("h2", { class: "way-title" });
  const verdict = h("p", { class: "verdict" });
  const slider = h("input", {
    type: "range", min: "0", max: "0", step: "1", "aria-label": "layer on the way down",
    input: () => goTo(Number(slider.value)),
  });
  const playing = h("button", { type: "button", class: "play", click: play }, "Play");
  const controls = h(
    "div",
    { class: "controls" },
    h("button", { type: "button", "aria-label": "up one layer", click: () => goTo(Number(slider.value) - 1) }, "▲ up"),
    slider,
    h("button", { type: "button", "aria-label": "down one layer", click: () => goTo(Number(slider.value) + 1) }, "▼ down"),
    playing,
  );
  const each = h("input", { type: "checkbox", change: () => panels.repaint() });
  const panels = threePanels(overview, look, each);
  const chart = cosineChart(goTo);
  const head = h("p", { class: "step-head", "aria-live": "polite" });
  const scale = h("p", { class: "scale-line" });
  const gates = gatesPanel();
  const table = stepsTable();
  let way = null;

  return {
    element: h(
      "section",
      { class: "signals", "aria-label": "the way down" },
      title, verdict, controls, chart.element, head, panels.element,
      h("div", { class: "scale-row" }, scale, h("label", {}, each, " each signal by its own scale")),
      gates.element,
    ),
    table: table.element,
    slider,
    playing: (on) => (playing.textContent = on ? "Stop" : "Play"),
    setWay(next) {
      way = next;
      title.textContent = `Down from ${titleOf(way)}`;
      verdict.textContent = verdictOf(overview, way);
      slider.max = String(way.steps.length - 1);
      chart.setWay(way);
      table.setWay(way);
    },
    show(k) {
      const step = way.steps[k];
      slider.value = String(k);
      slider.setAttribute("aria-valuetext", `below ${step.name}`);
      head.replaceChildren(...headOf(overview, way, k));
      panels.setStep(step, k === way.steps.length - 1, scale);
      gates.setStep(step);
      chart.show(k);
      table.show(k);
    },
    frame: panels.frame,
  };
}

function titleOf(way) {
  if (way.class !== null) return `the class “${way.class}”`;
  return `unit ${way.title.replace(way.layer, "").trim()} of ${way.layer}, value ${number(way.activation)}`;
}

function verdictOf(overview, way) {
  if (way.parted !== null) return `Gradient and DeconvNet are the same down to ${way.steps[way.parted].name}, and part there.`;
  const why = overview.has_relu ? "" : " The network has no ReLU: nothing parts.";
  return `Gradient and DeconvNet are the same all the way down.${why}`;
}

function headOf(overview, way, k) {
  const step = way.steps[k];
  const where = k === way.steps.length - 1 ? `at the photograph` : `below ${step.name}`;
  const branch = step.branch ? ` (branch ${step.branch})` : "";
  const alike = step.same ? "the same" : `cosine ${number(step.cosine)}`;
  return [
    h("b", {}, `Step ${k + 1} of ${way.steps.length}, ${where}`),
    `${branch}: ${step.kind}, signals of ${product(step.shape)}. Gradient and DeconvNet: `,
    h("b", {}, alike),
    k === way.parted ? h("span", { class: "parted" }, "◆ here they part") : "",
  ];
}

// ---------------------------------------------------------------------- three pictures

function threePanels(overview, look, each) {
  const slots = RULES.map((rule) => h("div", { class: "slot" }));
  const notes = RULES.map(() => h("figcaption", {}));
  let step = null;
  let canvases = [];
  let scaleLine = null;
  let last = false;

  function repaint() {
    const common = Math.max(...RULES.map((rule) => step.scales[rule]));
    const [C, H, W] = step.maps.gradient.shape;
    const inColour = last && C === 3;
    for (const [k, rule] of RULES.entries()) {
      const factor = each.checked || common === 0 ? 1 : step.scales[rule] / common;
      canvases[k].paint(inColour ? colour(factor, H * W) : grey(factor));
    }
    const own = RULES.map((rule) => `${TITLES[rule]} ${number(step.scales[rule])}`).join(", ");
    scaleLine.textContent = each.checked
      ? `Mid-grey is 0; white is ${own}; black the same below 0.`
      : `Mid-grey is 0, white ${number(common)} or more, black ${number(-common)} or less.`;
  }

  function caption(rule) {
    const parts = [];
    if (!step.alive[rule]) parts.push("zero everywhere");
    if (step.closed[rule] !== null) parts.push(`its gate closed ${share(step.closed[rule])} of what came down`);
    return parts.join("; ");
  }

  return {
    element: h("div", { class: "three" }, ...RULES.map((rule, k) => h("figure", {}, h("h3", {}, TITLES[rule]), slots[k], notes[k]))),
    repaint,
    frame: (place) => canvases.forEach((canvas) => canvas.frame(place)),
    setStep(next, isLast, line) {
      [step, last, scaleLine] = [next, isLast, line];
      const together = last && step.maps.gradient.shape[0] === 3;
      const [C, H, W] = step.maps.gradient.shape;
      canvases = RULES.map((rule) =>
        mapCanvas(step.maps[rule], {
          columns: H * W === 1 ? 8 : Math.ceil(Math.sqrt(C)),
          width: 360,
          together,
          label: `${TITLES[rule]} signal below ${step.name}, ${together ? "in colour" : `channels ${step.channels.join(", ")}`}; arrow keys choose a place`,
          placeOf: (cell) => placeIn(step, cell),
          cellOf: (place) => (together ? { ...cellIn(step, place), tile: 0 } : cellIn(step, place)),
          look: (place, move) => look({ side: "down", place }, move),
        }),
      );
      for (const [k, slot] of slots.entries()) {
        slot.replaceChildren(canvases[k].element);
        notes[k].textContent = caption(RULES[k]);
      }
      repaint();
    },
  };
}

function placeIn({ channels, by, shape }, cell) {
  if (shape.length === 1) return [channels[cell.tile]];
  return [channels[cell.tile], middle(cell.row, by, shape[1]), middle(cell.column, by, shape[2])];
}

// ---------------------------------------------------------------------- the gates of a ReLU

const GATES = [
  ["1(Xₙ > 0): the gradient's gate", (code) => (code & 1 ? [255, 255, 255] : [0, 0, 0])],
  ["1(R > 0): the DeconvNet's gate", (code) => (code & 2 ? [255, 255, 255] : [0, 0, 0])],
  ["where they disagree", disagreement],
];

/** Orange where only the gradient's gate is open, dark blue where only the DeconvNet's is; light against dark in grey. */
function disagreement(code) {
  if (code & 4) return [150, 150, 150];
  if ((code & 3) === 1) return [255, 176, 64];
  return (code & 3) === 2 ? [20, 50, 120] : [150, 150, 150];
}

function gatesPanel() {
  const element = h("div", { class: "gates" });
  return {
    element,
    setStep(step) {
      if (!step.gates) {
        element.replaceChildren(h("p", { class: "hint" }, sentenceFor(step)));
        return;
      }
      const [C, H, W] = step.gates.shape;
      const plan = layout(C, H, W, H * W === 1 ? 8 : Math.ceil(Math.sqrt(C)), 220);
      const figures = GATES.map(([title, shade]) => {
        const canvas = h("canvas", { role: "img", "aria-label": `${title}, channels ${step.channels.join(", ")}` });
        paintTiles(canvas, step.gates.values, plan, (values, k) => shade(values[k]));
        return h("figure", {}, canvas, h("figcaption", {}, title));
      });
      const legend = "White: open. Orange (light): only the gradient's gate is open; blue (dark): only the DeconvNet's. ";
      const open = `Of all units here ${share(step.open)} are open (Xₙ > 0).`;
      element.replaceChildren(...figures, h("p", { class: "hint" }, legend + open));
    },
  };
}

const SENTENCES = {
  Conv: "A convolution sends all three down alike, each through the flipped kernels: ⋆ K̂.",
  GroupedConv: "A convolution sends all three down alike, each through the flipped kernels: ⋆ K̂.",
  MaxPool: "A max-pool sends all three down alike: to the place of each window's winner, the switch.",
  FullyConnected: "A fully connected layer sends all three down alike: Wᵀ times what comes down.",
  Concat: "Each branch takes its share of the channels down; where the branches meet, their signals add up.",
  Add: "Each branch takes the whole signal down; where the branches meet, their signals add up.",
  LocalResponseNorm: "Gradient and guided signal take the true derivative; a DeconvNet leaves normalisation out.",
};
const sentenceFor = (step) => SENTENCES[step.kind] ?? "This layer sends all three down alike.";

// ---------------------------------------------------------------------- how alike, layer by layer

function cosineChart(goTo) {
  const W = 600;
  const H = 84;
  const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "chart" });
  const element = h("figure", { class: "cosines" }, drawing, h("figcaption", {}, "Cosine of gradient and DeconvNet below each layer, highest layer first; ticks are ReLUs, ◆ where they part."));
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
