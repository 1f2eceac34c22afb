// The explorer's view is one ES module; its parts, in the order of `SCRIPTS` in file.py, share one scope.
// Nothing here computes with the network: every number comes from the library.
//
// This part: making elements, writing numbers, painting maps.

const RULES = ["gradient", "deconv", "guided"];
const TITLES = { gradient: "gradient", deconv: "DeconvNet", guided: "guided" };

/** An element.  Texts become text nodes and never HTML; a property that is a function becomes a listener. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An element of a drawing. */
function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// ---------------------------------------------------------------------- numbers

/** A number with so many significant digits, a true minus sign, no exponent where it can be avoided. */
function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) {
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    return fixed(value, Math.min(places, 8));
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${minus(mantissa)} · 10${superscript(Number(exponent))}`;
}

function fixed(value, places) {
  const text = value.toFixed(places);
  return Number(text) === 0 ? (0).toFixed(places) : minus(text);
}

const minus = (text) => text.replace("-", "−");
const superscript = (n) => minus(String(n)).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻");
const share = (value) => (value === null || value === undefined ? "–" : `${Math.round(value * 100)} %`);
const product = (shape) => shape.join("×");

const largestOf = (values) => Math.max(0, ...values.filter((v) => typeof v === "number").map(Math.abs));

/** The power of a thousand that is set aside where numbers are written whose largest is this one. */
const powerFor = (largest) => (largest > 0 && (largest < 0.1 || largest >= 1e5) ? 3 * Math.floor(Math.log10(largest) / 3) : 0);

/** How the numbers of one table are written: a power of a thousand aside, and so many places for the largest. */
function writing(values, digits = 4, power = powerFor(largestOf(values))) {
  const largest = largestOf(values);
  const scaled = largest / 10 ** power;
  const places = scaled > 0 ? Math.max(0, digits - 1 - Math.floor(Math.log10(scaled))) : 0;
  return {
    unit: power === 0 ? "" : `× 10${superscript(power)}`,
    write: (value, less = 0) =>
      typeof value === "number" ? fixed(value / 10 ** power, Math.max(0, places - less)) : String(value ?? ""),
  };
}

// ---------------------------------------------------------------------- maps

/** How tiles of H×W cells are laid out: so many in a row, each cell `size` pixels, `gap` pixels between tiles. */
function layout(count, H, W, columns, width) {
  const rows = Math.ceil(count / columns);
  const gap = count > 1 ? 4 : 0;
  const size = Math.max(1, Math.floor((width - gap * (columns - 1)) / (columns * W)));
  return {
    columns, rows, gap, size, H, W, count,
    width: columns * W * size + gap * (columns - 1),
    height: rows * H * size + gap * (rows - 1),
  };
}

/** A colour as a canvas keeps it: four bytes of one number. */
const rgb = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;

/** Paints maps (C, H, W) side by side; shade(values, k) gives the colour, as `rgb` does, of cell k of all. */
function paintTiles(canvas, maps, plan, shade) {
  const { columns, gap, size, H, W, count } = plan;
  canvas.width = plan.width;
  canvas.height = plan.height;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const tile = document.createElement("canvas");
  tile.width = W;
  tile.height = H;
  const small = tile.getContext("2d");
  const picture = small.createImageData(W, H);
  const cells = new Uint32Array(picture.data.buffer);
  for (let c = 0; c < count; c++) {
    for (let k = 0; k < H * W; k++) cells[k] = shade(maps, c * H * W + k);
    small.putImageData(picture, 0, 0);
    const x = (c % columns) * (W * size + gap);
    const y = Math.floor(c / columns) * (H * size + gap);
    context.drawImage(tile, x, y, W * size, H * size);
  }
}

/** How light each of −127 … 127 is: 0 is mid-grey; `factor` stretches, what is beyond is clipped. */
function lights(factor) {
  return Uint8Array.from({ length: 255 }, (_, k) => {
    return Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, ((k - 127) / 127) * factor)));
  });
}

/** Mid-grey is zero, white is the scale or more, black its negative or less. */
function grey(factor) {
  const shades = Int32Array.from(lights(factor), (v) => rgb(v, v, v));
  return (values, k) => shades[values[k] + 127];
}

/** The three colours of an image's signal in one picture. */
function colour(factor, area) {
  const light = lights(factor);
  return (values, k) => rgb(light[values[k] + 127], light[values[k + area] + 127], light[values[k + 2 * area] + 127]);
}

/** The tile and cell under, or next to, a point of the canvas, in fractions of its width and height. */
function cellAt(plan, across, down) {
  const { columns, gap, size, H, W, count } = plan;
  const x = Math.min(across * plan.width, plan.width - 1);
  const y = Math.min(down * plan.height, plan.height - 1);
  const column = Math.floor(x / (W * size + gap));
  const row = Math.floor(y / (H * size + gap));
  const j = Math.min(W - 1, Math.floor((x - column * (W * size + gap)) / size));
  const i = Math.min(H - 1, Math.floor((y - row * (H * size + gap)) / size));
  const tile = row * columns + column;
  return tile < count ? { tile, row: i, column: j } : null;
}

/** A frame around one cell: white within black, so that it is seen on any ground. */
function frameCell(canvas, plan, { tile, row, column }) {
  const { columns, gap, size, H, W } = plan;
  const context = canvas.getContext("2d");
  const x = (tile % columns) * (W * size + gap) + column * size;
  const y = Math.floor(tile / columns) * (H * size + gap) + row * size;
  const grow = Math.max(0, 7 - size) / 2;
  for (const [stroke, out] of [["black", 2], ["white", 0.5]]) {
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.strokeRect(x - grow - out, y - grow - out, size + 2 * (grow + out), size + 2 * (grow + out));
  }
}
