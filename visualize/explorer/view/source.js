// Where answers come from: a page carries them, a notebook's kernel computes them.  Both answer the same questions.

/** Undoes `encoding.pack`: every array of maps or gates in the JSON text gets its numbers, an Int8Array. */
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const answer = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const fill = (array) => {
    const size = array.shape.reduce((a, b) => a * b, 1);
    array.values = new Int8Array(bytes.buffer, bytes.byteOffset + 4 + length + array.offset, size);
  };
  for (const { maps } of answer.nodes ?? []) fill(maps);
  for (const { maps, gates } of answer.steps ?? []) [...Object.values(maps), ...(gates ? [gates] : [])].forEach(fill);
  return answer;
}

const keyOf = (layer, unit) => `${layer}|${unit.join(",")}`;

/** The answers in a page. */
class FileSource {
  constructor(answers) {
    this.answers = answers;
    this.unpacked = new Map(); // ways and records, by where they are kept
  }

  async decoded(text) {
    const letters = atob(text);
    const compressed = new Uint8Array(letters.length);
    for (let k = 0; k < letters.length; k++) compressed[k] = letters.charCodeAt(k);
    const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return unpack(new Uint8Array(await new Response(stream).arrayBuffer()));
  }

  /** The same, remembered. */
  once(text) {
    if (!this.unpacked.has(text)) this.unpacked.set(text, this.decoded(text));
    return this.unpacked.get(text);
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
    if (key in this.answers.ways) return { ...(await this.once(this.answers.ways[key].way)), key, above: 0 };
    const [longer, above, field] = this.answers.parts[key];
    const way = await this.once(this.answers.ways[longer].way);
    const steps = way.steps.slice(above);
    const parted = steps.findIndex((step) => !step.same);
    const title = `${layer}  ${unit.join(",")}`;
    return { ...way, class: null, title, layer, unit, field, steps, key: longer, above, parted: parted < 0 ? null : parted };
  }

  /** {record, place}: that of the nearest place in the file, on the same channel. */
  async down(way, step, place, move) {
    const { records } = await this.once(this.answers.ways[way.key].records);
    return nearest(records, step + way.above, place, move);
  }

  async up(node, place, move) {
    const { records } = await this.once(this.answers.up);
    return nearest(records, node, place, move);
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
