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
      panels.setStep(step, k === way.steps.length - 1 ? way : null, scale);
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
  let part = null;

  function repaint() {
    const common = Math.max(...RULES.map((rule) => step.scales[rule]));
    for (const [k, rule] of RULES.entries()) {
      const factor = each.checked || common === 0 ? 1 : step.scales[rule] / common;
      canvases[k].paint(part?.colour ? colour(factor, part.width * part.height) : grey(factor));
    }
    const own = RULES.map((rule) => `${TITLES[rule]} ${number(step.scales[rule])}`).join(", ");
    scaleLine.textContent = each.checked
      ? `Mid-grey is 0; white is ${own}; black the same below 0.`
      : `Mid-grey is 0, white ${number(common)} or more, black ${number(-common)} or less.`;
  }

  function caption(rule) {
    const parts = [];
    if (!step.nonzero[rule]) parts.push("zero everywhere");
    if (part?.enlarged) parts.push("enlarged: what the unit sees");
    if (step.closed[rule] !== null) parts.push(`its gate sets ${share(step.closed[rule])} of the signal to zero`);
    return parts.join("; ");
  }

  return {
    element: h("div", { class: "three" }, ...RULES.map((rule, k) => h("figure", {}, h("h3", {}, TITLES[rule]), slots[k], notes[k]))),
    repaint,
    frame: (place) => canvases.forEach((canvas) => canvas.frame(place)),
    /** `way`: at the photograph, of which the part that the unit sees is shown; null above. */
    setStep(next, way, line) {
      [step, scaleLine] = [next, line];
      part = way && imagePart(step, way.field);
      const together = Boolean(part?.colour);
      const [C, H, W] = step.maps.gradient.shape;
      canvases = RULES.map((rule) =>
        mapCanvas(part ? part.cut(step.maps[rule]) : step.maps[rule], {
          columns: H * W === 1 ? 8 : Math.ceil(Math.sqrt(C)),
          width: 360,
          together,
          label: `${TITLES[rule]} signal below ${step.name}, ${together ? "in colour" : `channels ${step.channels.join(", ")}`}; arrow keys choose a place`,
          placeOf: (cell) => placeIn(step, part ? part.outOf(cell) : cell),
          cellOf: (place) => (part ? part.into(cellIn(step, place)) : cellIn(step, place)),
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

/** The part of the image's maps that a unit sees, with some room around it; all of it if that is most of the image. */
function imagePart({ maps, by }, field) {
  const [C, H, W] = maps.gradient.shape;
  const [x0, y0, x1, y1] = (field ?? [0, 0, W * by, H * by]).map((v) => v / by);
  const room = Math.max(2, 0.1 * Math.max(x1 - x0, y1 - y0));
  const side = Math.ceil(Math.max(x1 - x0, y1 - y0) + 2 * room);
  const enlarged = side < 0.7 * Math.min(H, W) && x1 > x0;
  const left = enlarged ? Math.max(0, Math.min(W - side, Math.floor((x0 + x1 - side) / 2))) : 0;
  const top = enlarged ? Math.max(0, Math.min(H - side, Math.floor((y0 + y1 - side) / 2))) : 0;
  const [width, height] = enlarged ? [side, side] : [W, H];
  return {
    enlarged, width, height, colour: C === 3,
    cut({ values }) {
      const cut = new Int8Array(C * height * width);
      for (let c = 0; c < C; c++) {
        for (let i = 0; i < height; i++) {
          const start = (c * H + top + i) * W + left;
          cut.set(values.subarray(start, start + width), (c * height + i) * width);
        }
      }
      return { shape: [C, height, width], values: cut };
    },
    outOf: (cell) => ({ ...cell, row: cell.row + top, column: cell.column + left }),
    into: (cell) => cell && { tile: C === 3 ? 0 : cell.tile, row: cell.row - top, column: cell.column - left },
  };
}

function placeIn({ channels, by, shape }, cell) {
  if (shape.length === 1) return [channels[cell.tile]];
  return [channels[cell.tile], middle(cell.row, by, shape[1]), middle(cell.column, by, shape[2])];
}

// ---------------------------------------------------------------------- the gates of a ReLU

const GATES = [
  ["1(Xₙ > 0): the gradient's gate", (code) => (code & 1 ? rgb(255, 255, 255) : rgb(0, 0, 0))],
  ["1(R > 0): the DeconvNet's gate", (code) => (code & 2 ? rgb(255, 255, 255) : rgb(0, 0, 0))],
  ["where they disagree", disagreement],
];

/** Orange where only the gradient's gate is open, dark blue where only the DeconvNet's is; light against dark in grey. */
function disagreement(code) {
  if (code & 4) return rgb(150, 150, 150);
  if ((code & 3) === 1) return rgb(255, 176, 64);
  return (code & 3) === 2 ? rgb(20, 50, 120) : rgb(150, 150, 150);
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
  Conv: "A convolution treats all three signals alike: ⋆ K̂, the flipped kernels.",
  GroupedConv: "A convolution treats all three signals alike: ⋆ K̂, the flipped kernels.",
  MaxPool: "A max-pool treats all three signals alike: each goes to the maximum of its window, the switch.",
  FullyConnected: "A fully connected layer treats all three signals alike: Wᵀ times the signal.",
  Concat: "Each branch gets the signal of its own channels; where the branches meet, their signals add up.",
  Add: "Each branch gets the whole signal; where the branches meet, their signals add up.",
  LocalResponseNorm: "Gradient and guided signal take the true derivative; a DeconvNet leaves normalisation out.",
};
const sentenceFor = (step) => SENTENCES[step.kind] ?? "This layer treats all three signals alike.";
