// The page's data: deflated blocks, each opened when it is first needed, the latest ones kept.

const KEPT = 12;

// The list can be used while the browser still reads the rest of the file.
const whole = document.readyState === "loading" ? new Promise((done) => addEventListener("DOMContentLoaded", done)) : null;

async function opened(id) {
  if (!$(id)) await whole;
  const packed = atob($(id).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

const kept = new Map();

// The lines of a chunk, as JSON text.
function chunk(run, number) {
  const id = `run-${run}-${number}`;
  const found = kept.get(id) ?? opened(id).then((text) => text.split("\n"));
  kept.delete(id);
  kept.set(id, found);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return found;
}

// A problem of a run, with its texts put together.
async function problemAt(run, row) {
  const lines = await chunk(run.number, run.rows.chunk[row]);
  const problem = JSON.parse(lines[run.rows.line[row]]);
  const texts = [];
  for (const pieces of problem.texts) {
    texts.push(typeof pieces === "string" ? pieces : pieces.map((piece) =>
      typeof piece === "string" ? piece : piece < 0 ? run.common[-1 - piece] : texts[piece]).join(""));
  }
  problem.texts = texts;
  return problem;
}

async function readIndex() {
  const index = JSON.parse(await opened("index"));
  index.runs.forEach((run, number) => {
    run.number = number;
    run.rowOf = new Map();
    run.rows.item.forEach((item, row) => run.rowOf.set(`${item}/${run.rows.repeat[row]}`, row));
    run.again = (item, repeat) => run.rowOf.get(`${item}/${repeat}`);
  });
  for (const task of index.tasks) {
    task.plain = task.ids.map((id, item) => plain([id, task.questions[item], task.golds[item] ?? ""].join(" ")));
  }
  return index;
}

const plain = (text) => text.toLowerCase().normalize("NFKC");
