// The microscope: formula, numbers and code of one place, as the library wrote them into a record.

function microscopePanel(overview, { look, choose, source }) {
  const element = h("section", { class: "microscope", "aria-label": "the microscope", "aria-live": "polite" });
  const empty = () => element.replaceChildren(h("h2", {}, "Microscope"), h("p", { class: "hint" }, "Click a place of any map to see its arithmetic here, with its numbers."));
  empty();

  function heading({ side, name, place, moved }) {
    const way = side === "up" ? `How the output of ${name} is computed` : `How the signals below ${name} are computed`;
    const where = place.length === 1 ? `number ${place[0]}` : `channel ${place[0]}, row ${place[1]}, column ${place[2]}`;
    const note = moved ? h("p", { class: "hint" }, "This page has the sums of some places of each map; this is the nearest. (In a notebook: any place.)") : null;
    return [h("h2", {}, "Microscope"), h("p", { class: "where" }, h("b", {}, way), `, at ${where}`), note];
  }

  return {
    element,
    empty,
    show(view) {
      const { record, side, place } = view;
      const colours = side === "down" && view.last && overview.order.length === 3 ? colourButtons(overview.order, place, (p) => look({ side, place: p })) : null;
      const unit = side === "up" && view.depth === 0 && source.has(view.name, place) ? h("button", { type: "button", click: () => choose(view.name, place) }, "↓ send this unit down") : null;
      element.replaceChildren(
        ...heading(view).filter(Boolean),
        h("p", { class: "row" }, ...[colours, unit].filter(Boolean)),
        ...(record.formula ? [h("p", { class: "formula" }, subscripts(record.formula))] : []),
        h("div", { class: `sums sums-${record.sums.length}` }, ...sumViews(record.sums)),
        ...(record.cases ? [casesView(record.cases)] : []),
        ...record.code.map((where) => codeView(where, (view.listings ?? overview.listings)[where])),
      );
    },
  };
}

/** X_{n+1} as Xₙ₊₁: what is in the formulas of the library as it is in its code. */
function subscripts(formula) {
  return formula.replaceAll("_{n+1}", "ₙ₊₁").replaceAll("_n", "ₙ").replaceAll("X_0", "X₀").replace(/Σ_(\w|\{[^}]*\})/g, (_, under) => `Σ[${under.replace(/[{}]/g, "")}] `);
}

function colourButtons(order, [channel, row, column], go) {
  const buttons = [...order].map((letter, k) =>
    h("button", { type: "button", "aria-pressed": String(k === channel), click: () => go([k, row, column]) }, letter));
  return h("span", { class: "colours", role: "group", "aria-label": "colour" }, "colour: ", ...buttons);
}

/** Sums side by side, with one power of a thousand set aside. */
function sumViews(sums) {
  const power = powerFor(largestOf(sums.flatMap(({ total, terms }) => [total, ...terms.map(([, value]) => value)])));
  return sums.map((sum) => sumView(sum, power));
}

function sumView({ title, total, terms, grids, note }, power) {
  const style = writing([total, ...terms.map(([, value]) => value)], 4, power);
  const largest = Math.max(...terms.map(([, value]) => Math.abs(value)), 1e-300);
  const rows = terms.map(([label, value]) => {
    const bar = h("span", { class: value < 0 ? "term-bar negative" : "term-bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * Math.abs(value)) / largest}%`;
    return h("tr", {}, h("th", { scope: "row" }, subscripts(label)), h("td", {}, style.write(value)), h("td", { class: "bars" }, bar));
  });
  const sum = h("tr", { class: "total" }, h("th", { scope: "row" }, `${terms.length ? "sum" : "value"} ${style.unit}`), h("td", {}, style.write(total, terms.length ? 1 : 0)), h("td", { class: "bars" }));
  return h(
    "div",
    { class: "sum" },
    title ? h("h3", {}, subscripts(title)) : null,
    h("div", { class: "grids" }, ...grids.map(gridView)),
    h("table", { class: "terms" }, h("tbody", {}, ...rows, sum)),
    note ? h("p", { class: "hint" }, subscripts(note)) : null,
  );
}

function gridView({ title, rows, operator, marks }) {
  const style = writing(rows.flat(), 3);
  const cells = rows.map((row, i) =>
    h("tr", {}, ...row.map((value, j) => {
      const marked = marks.some(([a, b]) => a === i && b === j);
      return h("td", { class: value === null ? "padding" : marked ? "winner" : null }, value === null ? "·" : style.write(value) + (marked ? " ★" : ""));
    })));
  const caption = `${subscripts(title)}${style.unit ? ` (${style.unit})` : ""}`;
  const numbers = h("div", { class: "wide" }, h("table", {}, h("tbody", {}, ...cells)));
  return h("figure", { class: "grid" }, h("div", { class: "operation" }, operator ? h("span", { class: "operator" }, operator) : null, numbers), h("figcaption", {}, caption));
}

// ---------------------------------------------------------------------- a ReLU's four cases

const CASES = [
  [true, true, ["passes", "passes", "passes"]],
  [true, false, ["passes", "closes", "closes"]],
  [false, true, ["closes", "passes", "closes"]],
  [false, false, ["closes", "closes", "closes"]],
];

/** The four cases as a table; of each rule the one that this unit is in is lit. */
function casesView({ x, above, below }) {
  const style = writing([...Object.values(above), ...Object.values(below)]);
  const rows = CASES.map(([open, positive, does]) => {
    const lit = RULES.map((rule) => x > 0 === open && above[rule] > 0 === positive);
    const cells = does.map((word, k) => h("td", { class: lit[k] ? "lit" : null }, word + (lit[k] ? " ◂" : "")));
    return h("tr", { class: lit.every(Boolean) ? "lit-row" : null }, h("th", { scope: "row" }, `Xₙ ${open ? ">" : "≤"} 0, signal ${positive ? ">" : "≤"} 0`), ...cells);
  });
  const numbers = (title, values) => h("tr", {}, h("th", { scope: "row" }, `${title} ${style.unit}`), ...RULES.map((rule) => h("td", {}, style.write(values[rule]))));
  const head = h("tr", {}, h("th", { scope: "col" }, `here Xₙ = ${number(x, 4)}`), ...RULES.map((rule) => h("th", { scope: "col" }, TITLES[rule])));
  return h("div", { class: "wide" }, h("table", { class: "cases" }, h("thead", {}, head), h("tbody", {}, numbers("comes down", above), ...rows, numbers("goes on", below))));
}

// ---------------------------------------------------------------------- the line of code

function codeView(where, listing) {
  const number = Number(where.split(":")[1]);
  const lines = listing.lines.map((line, k) => h("span", { class: k + listing.first === number ? "code-line did-it" : "code-line" }, `${line}\n`));
  return h("details", { class: "code" }, h("summary", {}, h("code", {}, where), " ", h("code", { class: "did-it" }, listing.lines[number - listing.first].trim())), h("pre", {}, ...lines));
}
