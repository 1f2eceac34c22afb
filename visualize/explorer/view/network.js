// The network from the image to the scores: a row for each layer, with its strongest channels as maps.

function networkPanel(overview, source, { choose, look }) {
  const rows = overview.nodes.map((node, k) => layerRow(node, k, overview, source, { choose, look }));
  const list = h("ol", { class: "layers", tabindex: "-1" }, ...rows.map((row) => row.element));
  return {
    element: h(
      "section",
      { class: "network", "aria-label": "the network" },
      h("h2", {}, "The network, image first"),
      h("p", { class: "hint" }, "Click a map to see how a number is computed, or a button for the signal of a unit."),
      list,
    ),
    /** Marks the layer that the signal has just passed, and keeps it in sight within the list. */
    show(name, way) {
      for (const [k, row] of rows.entries()) {
        const here = overview.nodes[k].name === name;
        row.element.classList.toggle("here", here);
        if (here) row.element.setAttribute("aria-current", "step");
        else row.element.removeAttribute("aria-current");
        row.mark(way);
        if (here && list.scrollHeight > list.clientHeight + 1) {
          const top = row.element.offsetTop - list.offsetTop;
          list.scrollTop = top - list.clientHeight / 2 + row.element.offsetHeight / 2;
        }
      }
    },
    frame(node, place) {
      for (const [k, row] of rows.entries()) row.frame(k === node ? place : null);
    },
  };
}

function layerRow(node, k, overview, source, { choose, look }) {
  const units = node.units.filter((unit) => source.has(node.name, unit.unit));
  const buttons = units.map((unit) =>
    h(
      "button",
      {
        type: "button",
        class: "unit",
        title: `value ${number(unit.value)}`,
        "aria-label": `send down unit ${unit.title} of ${node.name}`,
        click: () => choose(node.name, unit.unit),
      },
      `↓ ${unit.title}`,
    ),
  );
  const maps = mapCanvas(node.maps, {
    columns: node.maps.shape[1] * node.maps.shape[2] === 1 ? 12 : 6,
    width: 330,
    label: `strongest channels of ${node.name}: ${node.channels.join(", ")}; arrow keys choose a place`,
    placeOf: (cell) => (node.shape.length === 1 ? [node.channels[cell.tile]] : [node.channels[cell.tile], middle(cell.row, node.by, node.shape[1]), middle(cell.column, node.by, node.shape[2])]),
    cellOf: (place) => cellIn(node, place),
    look: (place) => look({ side: "up", node: k, place }),
  });
  maps.paint(grey(1));
  const element = h(
    "li",
    { class: `layer kind-${node.kind}` },
    h(
      "div",
      { class: "layer-head" },
      node.branch ? h("span", { class: "branch" }, node.branch) : null,
      node.depth ? null : h("span", { class: "layer-name" }, node.name),
      h("span", { class: "layer-text" }, node.text),
      h("span", { class: "layer-shape" }, product(node.shape)),
    ),
    maps.element,
    h("div", { class: "layer-foot" }, ...buttons, h("span", { class: "scale" }, `white = ${number(node.scale)}`)),
  );
  element.style.setProperty("--depth", node.depth);
  return {
    element,
    mark(way) {
      for (const [i, button] of buttons.entries()) {
        const on = way.layer === node.name && String(way.unit) === String(units[i].unit);
        button.setAttribute("aria-pressed", String(on));
      }
    },
    frame: maps.frame,
  };
}

const middle = (cell, by, size) => Math.min(size - 1, cell * by + Math.floor(by / 2));

/** The cell of a place among the channels shown; null if its channel is not shown. */
function cellIn({ channels, by }, place) {
  const tile = channels.indexOf(place[0]);
  if (tile < 0) return null;
  return { tile, row: Math.floor((place[1] ?? 0) / by), column: Math.floor((place[2] ?? 0) / by) };
}

/** A canvas of maps on which a place is chosen by a click or by the arrow keys. */
function mapCanvas(maps, { columns, width, label, placeOf, cellOf, look, together = false }) {
  const [C, H, W] = maps.shape;
  const plan = layout(together ? 1 : C, H, W, together ? 1 : Math.min(columns, C), width);
  const canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": label });
  let shade = null;
  let cell = null;
  const repaint = () => {
    paintTiles(canvas, maps.values, plan, shade);
    if (cell) frameCell(canvas, plan, cell);
  };
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const found = cellAt(plan, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    if (found) look(placeOf(found));
  });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [0, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    look(placeOf(moved(plan, cell ?? { tile: 0, row: 0, column: 0 }, move)), move);
  });
  return {
    element: canvas,
    paint(how) {
      shade = how;
      repaint();
    },
    frame(place) {
      const next = place ? cellOf(place) : null;
      if (next === null && cell === null) return;
      cell = next;
      repaint();
    },
  };
}

/** The neighbouring cell, in the next tile where this one ends. */
function moved({ columns, H, W, count }, { tile, row, column }, [down, across]) {
  let [i, j, t] = [row + down, column + across, tile];
  if (j < 0 && t % columns > 0) [t, j] = [t - 1, W - 1];
  if (j >= W && t % columns < columns - 1 && t + 1 < count) [t, j] = [t + 1, 0];
  if (i < 0 && t >= columns) [t, i] = [t - columns, H - 1];
  if (i >= H && t + columns < count) [t, i] = [t + columns, 0];
  return { tile: t, row: Math.max(0, Math.min(H - 1, i)), column: Math.max(0, Math.min(W - 1, j)) };
}
