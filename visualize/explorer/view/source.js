// Where answers come from: a page carries them, a notebook's kernel computes them.  Both answer the same questions.

/** Undoes `encoding.pack`: every array of the JSON text becomes an Int8Array with a shape. */
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
  return JSON.parse(text, (name, value) => {
    if (value === null || typeof value !== "object" || value.offset === undefined) return value;
    const size = value.shape.reduce((a, b) => a * b, 1);
    const at = bytes.byteOffset + 4 + length + value.offset;
    return { shape: value.shape, values: new Int8Array(bytes.buffer, at, size) };
  });
}

const keyOf = (layer, unit) => `${layer}|${unit.join(",")}`;

/** The answers in a page. */
class FileSource {
  constructor(answers) {
    this.answers = answers;
    this.records = null; // of the way up: unpacked when first looked at
  }

  async decoded(text) {
    const compressed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return unpack(new Uint8Array(await new Response(stream).arrayBuffer()));
  }

  overview() {
    return this.decoded(this.answers.overview);
  }

  has(layer, unit) {
    const key = keyOf(layer, unit);
    return key in this.answers.ways || key in this.answers.parts;
  }

  /** A way that is the rest of a longer one is cut from it. */
  async way(layer, unit) {
    const key = keyOf(layer, unit);
    if (key in this.answers.ways) return { ...(await this.decoded(this.answers.ways[key])), above: 0 };
    const [longer, above, field] = this.answers.parts[key];
    const way = await this.decoded(this.answers.ways[longer]);
    const steps = way.steps.slice(above);
    const parted = steps.findIndex((step) => !step.same);
    const title = `${layer}  ${unit.join(",")}`;
    return { ...way, class: null, title, layer, unit, field, steps, above, parted: parted < 0 ? null : parted };
  }

  /** {record, place}: that of the nearest place in the file, on the same channel. */
  async down(way, step, place, move) {
    return nearest(way.records, step + way.above, place, move);
  }

  async up(node, place, move) {
    this.records ??= (await this.decoded(this.answers.up)).records;
    return nearest(this.records, node, place, move);
  }
}

/** The record whose place is nearest, and if someone moves, ahead; on another channel only if there is none on this one. */
function nearest(records, number, place, move = [0, 0]) {
  let best = null;
  for (const [key, record] of Object.entries(records)) {
    const [at, text] = key.split("|");
    if (Number(at) !== number) continue;
    const other = text.split(",").map(Number);
    const [channel, down, across] = other.map((x, k) => x - place[k]);
    const behind = down * move[0] + across * move[1] < 0;
    const distance = other.length > 1 ? 1e6 * (channel !== 0) + 1e3 * behind + Math.hypot(down, across) : Math.abs(channel);
    if (best === null || distance < best.distance) best = { record, place: other, distance };
  }
  return best;
}

/** The kernel of a notebook, asked by the messages of an anywidget model. */
class KernelSource {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.last = 0;
    model.on("msg:custom", (message, buffers) => {
      const promise = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (!promise) return;
      if (message.error) promise.reject(new Error(message.error));
      else promise.resolve(unpack(bytesOf(buffers[0])));
    });
  }

  ask(question) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.model.send({ id, question });
    });
  }

  overview = () => this.ask({ ask: "overview" });
  has = () => true;
  way = (layer, unit) => this.ask({ ask: "way", layer, unit });
  find = (query) => this.ask({ ask: "class", query });

  async down(way, step, place) {
    return { record: await this.ask({ ask: "down", layer: way.layer, unit: way.unit, step, place }), place };
  }

  async up(node, place) {
    return { record: await this.ask({ ask: "up", node, place }), place };
  }
}

const bytesOf = (buffer) => new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
