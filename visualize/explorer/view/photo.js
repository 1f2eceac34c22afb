// The photograph, the frame of what a unit sees, and the first answers.

function photoPanel(overview, source, choose) {
  const [W, H] = overview.size;
  const frame = svg("rect", { class: "field", "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const outer = svg("rect", { class: "field-outer", "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const caption = h("figcaption", {}, "What the network sees of the photograph.");
  const figure = h(
    "figure",
    { class: "photo" },
    h(
      "div",
      { class: "photo-frame" },
      h("img", { src: overview.photo, width: String(W), height: String(H), alt: `the photograph ${overview.name}` }),
      svg("svg", { viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" }, outer, frame),
    ),
    caption,
  );

  const buttons = overview.answers.map((answer) => answerButton(overview, source, answer, choose));
  const answers = h("section", { "aria-label": "the first answers" }, h("h2", {}, "First answers"), ...buttons);

  return {
    element: h("div", { class: "photo-column" }, figure, answers),
    show(way) {
      for (const rect of [outer, frame]) {
        rect.setAttribute("visibility", way.field ? "visible" : "hidden");
        if (!way.field) continue;
        const [x0, y0, x1, y1] = way.field;
        for (const [name, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) {
          rect.setAttribute(name, value);
        }
      }
      const all = way.field && way.field[2] - way.field[0] >= W && way.field[3] - way.field[1] >= H;
      caption.textContent = all
        ? "The network sees this part of the photograph; the chosen unit sees all of it."
        : "The frame is what the chosen unit sees of it.";
      for (const [k, button] of buttons.entries()) {
        const on = way.layer === overview.score_layer && way.unit[0] === overview.answers[k].index;
        button.setAttribute("aria-pressed", String(on));
      }
    },
  };
}

const probability = (p) => (p >= 0.01 ? p.toFixed(2) : number(p, 1));

function answerButton(overview, source, answer, choose) {
  const bar = h("span", { class: "bar", "aria-hidden": "true" });
  bar.style.width = `${100 * answer.probability}%`;
  const kind = answer.kind === "sigmoid" ? "sigmoid(S)" : "P";
  const held = source.has(overview.score_layer, [answer.index]);
  return h(
    "button",
    {
      class: "answer", type: "button", "aria-pressed": "false", disabled: !held, title: held ? null : "not in this file: it would be too large",
      click: () => choose(overview.score_layer, [answer.index]),
    },
    h("span", { class: "answer-name" }, answer.name),
    h("span", { class: "answer-track" }, bar),
    h("span", { class: "answer-number" }, `${kind} = ${probability(answer.probability)}   S = ${number(answer.score)}`),
  );
}
