// The whole: what is chosen, what is shown, keys, the link.  `render` is the protocol of anywidget; `start` is a page's.

async function explorer(root, source, linked) {
  const overview = await source.overview();
  const state = { way: null, step: 0, spot: null, timer: null, linked };
  const view = { overview, source, state };
  view.photo = photoPanel(overview, source, (layer, unit) => choose(view, layer, unit));
  view.signals = signalsPanel(overview, {
    goTo: (k) => (stop(view), goTo(view, k)),
    look: (spot, move) => look(view, spot, move),
    play: () => (state.timer ? stop(view) : play(view)),
  });
  view.microscope = microscopePanel(overview, {
    source,
    look: (spot) => look(view, spot),
    choose: (layer, unit) => choose(view, layer, unit),
  });
  view.network = networkPanel(overview, source, {
    choose: (layer, unit) => choose(view, layer, unit),
    look: (spot, move) => look(view, spot, move),
  });
  root.replaceChildren(...page(view));
  root.addEventListener("keydown", (event) => steppingKey(view, event));
  const first = overview.answers.find(({ index }) => source.has(overview.score_layer, [index]));
  await choose(view, overview.score_layer, [first.index]);
  return view;
}

function page(view) {
  const { overview, state } = view;
  const copy = h("button", { type: "button", class: "copy", click: () => copyLink(copy) }, "Copy link");
  const ask = view.source.find ? askForm(view) : null;
  return [
    h(
      "header",
      {},
      h("div", { class: "row" }, h("h1", {}, `${overview.name || "A photograph"}, and what comes down`), state.linked ? copy : null),
      h("p", { class: "lead" }, leadOf(overview)),
      ask,
    ),
    h("div", { class: "columns" }, view.photo.element, h("div", { class: "middle" }, view.signals.element, view.microscope.element, view.signals.table), view.network.element),
    h("footer", {}, footOf(overview)),
  ];
}

function leadOf(overview) {
  const text = "Choose a class or a unit and follow its signal back through the network to the photograph, layer by layer, by three rules: ";
  return overview.has_relu
    ? `${text}gradient, DeconvNet and guided differ only in what a ReLU lets pass.`
    : `${text}they differ only at ReLUs, and this network has none, so nothing parts.`;
}

function footOf(overview) {
  if (overview.any) return "Every number is computed by minicnn in the notebook's kernel.";
  const left = overview.left_out
    ? ` ${overview.left_out} more classes and units would make this file larger than ${Math.round(overview.limit / 1e6)} MB and are not in it.`
    : "";
  return `Every number was computed by minicnn when this file was written. The file holds the first classes and the strongest units.${left} minicnn: “Deep Inside Convolutional Networks” (Simonyan, Vedaldi, Zisserman 2013), by hand.`;
}

// ---------------------------------------------------------------------- choosing and stepping

/** Sends a unit down; stays at the layer that is looked at, if the way passes it, and else goes to the photograph. */
async function choose(view, layer, unit, at = null) {
  stop(view);
  const { state } = view;
  const wanted = at ?? (state.way ? state.way.steps[state.step].name : null);
  const way = await view.source.way(layer, unit);
  state.way = way;
  view.signals.setWay(way);
  view.photo.show(way);
  const found = way.steps.findIndex((step) => step.name === wanted);
  goTo(view, found < 0 ? way.steps.length - 1 : found);
}

function goTo(view, k) {
  const { state } = view;
  state.step = Math.max(0, Math.min(state.way.steps.length - 1, k));
  view.signals.show(state.step);
  view.network.show(state.way.steps[state.step].name, state.way);
  if (state.spot?.side === "down") {
    state.spot = null;
    view.microscope.empty();
  }
  remember(view);
}

function play(view) {
  const { state } = view;
  view.signals.playing(true);
  if (state.step === state.way.steps.length - 1) goTo(view, 0);
  state.timer = setInterval(() => {
    goTo(view, state.step + 1);
    if (state.step === state.way.steps.length - 1) stop(view);
  }, 700);
}

function stop(view) {
  clearInterval(view.state.timer);
  view.state.timer = null;
  view.signals.playing(false);
}

/** Shows the arithmetic of a spot: {side: "up", node, place} or {side: "down", place} of the step that is looked at. */
async function look(view, spot, move) {
  const { state, overview, source } = view;
  stop(view);
  const up = spot.side === "up";
  const found = up ? await source.up(spot.node, spot.place, move) : await source.down(state.way, state.step, spot.place, move);
  if (!found) return;
  const { record, place } = found;
  state.spot = { ...spot, place };
  const step = state.way.steps[state.step];
  const node = overview.nodes[spot.node];
  view.microscope.show({
    record,
    listings: record.listings,
    side: spot.side,
    name: up ? node.name : step.name,
    depth: up ? node.depth : step.depth,
    last: state.step === state.way.steps.length - 1,
    place,
    moved: String(place) !== String(spot.place),
  });
  view.network.frame(up ? spot.node : -1, place);
  view.signals.frame(up ? null : place);
  remember(view);
}

/** Arrow keys step, wherever the focus is, but in what needs them itself. */
function steppingKey(view, event) {
  if (event.target.matches("input, select, textarea, canvas") || event.altKey || event.ctrlKey || event.metaKey) return;
  const { state } = view;
  const steps = { ArrowRight: state.step + 1, ArrowLeft: state.step - 1, Home: 0, End: state.way.steps.length - 1 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  stop(view);
  goTo(view, steps[event.key]);
}

// ---------------------------------------------------------------------- any class: a notebook's kernel knows them all

function askForm(view) {
  const input = h("input", { type: "text", "aria-label": "any class: its name or number", placeholder: "any class: name or number" });
  const said = h("span", { role: "status" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const { index } = (await view.source.find(input.value)) ?? {};
      said.textContent = "";
      await choose(view, view.overview.score_layer, [index]);
    } catch (error) {
      said.textContent = error.message;
    }
  };
  return h("form", { submit }, input, h("button", { type: "submit" }, "send down"), said);
}

// ---------------------------------------------------------------------- the link: what is looked at is in the address

function remember(view) {
  const { state } = view;
  if (!state.linked) return;
  const { layer, unit, steps } = state.way;
  const said = new URLSearchParams({ layer, unit: unit.join(","), below: steps[state.step].name });
  if (state.spot) said.set(state.spot.side === "up" ? `up${state.spot.node}` : "down", state.spot.place.join(","));
  try {
    history.replaceState(null, "", `#${said}`);
  } catch {
    // too many changes of the address in a short time: the next one counts
  }
}

/** Shows what an address says; what it says wrongly is passed over. */
async function follow(view, address) {
  const said = new URLSearchParams(address.slice(1));
  const numbers = (text) => (text ?? "").split(",").map(Number);
  const [layer, unit] = [said.get("layer"), numbers(said.get("unit"))];
  if (layer === null || !view.source.has(layer, unit)) return;
  await choose(view, layer, unit, said.get("below"));
  if (said.has("down")) await look(view, { side: "down", place: numbers(said.get("down")) });
  const up = [...said.keys()].find((key) => /^up\d+$/.test(key));
  if (up && view.overview.nodes[Number(up.slice(2))]) await look(view, { side: "up", node: Number(up.slice(2)), place: numbers(said.get(up)) });
}

async function copyLink(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "It is in the address line";
  }
  setTimeout(() => (button.textContent = "Copy link"), 2000);
}

// ---------------------------------------------------------------------- a page, a notebook

async function start(document) {
  const root = document.getElementById("explorer");
  root.className = "minicnn-explorer";
  const source = new FileSource(JSON.parse(document.getElementById("answers").textContent));
  const address = location.hash;
  const view = await explorer(root, source, true);
  await follow(view, address);
  window.addEventListener("hashchange", () => follow(view, location.hash));
  document.addEventListener("keydown", (event) => event.target === document.body && steppingKey(view, event));
  root.setAttribute("data-ready", "");
}

async function render({ model, el }) {
  // keys that are meant for the view are not JupyterLab's commands
  const root = h("div", { class: "minicnn-explorer", tabindex: "-1", "data-lm-suppress-shortcuts": "true" });
  el.append(root);
  await explorer(root, new KernelSource(model), false);
  root.setAttribute("data-ready", "");
}

export default { render };
