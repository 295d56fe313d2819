// Which problems are listed, and in which order.

const LOST = 1, UNANSWERED = 2, TIED = 4;

const scoreOf = (run, row) => (row === undefined ? null : run.rows.score[row] / 1000);
const right = (run, row) => scoreOf(run, row) === 1;

const OUTCOMES = [
  ["all", "all"],
  ["right", "right", (a, row) => right(a, row)],
  ["part", "partly right", (a, row) => a.rows.score[row] > 0 && a.rows.score[row] < 1000],
  ["wrong", "wrong", (a, row) => a.rows.score[row] === 0 && !(a.rows.flags[row] & UNANSWERED)],
  ["none", "no answer", (a, row) => a.rows.flags[row] & UNANSWERED],
  ["lost", "lost to failures", (a, row) => a.rows.flags[row] & LOST],
  ["tied", "tied vote", (a, row) => a.rows.flags[row] & TIED],
  ["split", "paths disagree", (a, row) => a.rows.votes[row] < a.rows.paths[row]],
];
const BESIDE = [
  ["flipped", "scores differ", (a, row, b, beside) => beside !== undefined && a.rows.score[row] !== b.rows.score[beside]],
  ["gained", "better beside", (a, row, b, beside) => beside !== undefined && a.rows.score[row] < b.rows.score[beside]],
  ["dropped", "worse beside", (a, row, b, beside) => beside !== undefined && a.rows.score[row] > b.rows.score[beside]],
  ["other", "answers differ", (a, row, b, beside) => beside !== undefined && a.rows.answer[row] !== b.rows.answer[beside]],
];
const ORDERS = [
  ["run", "as run"],
  ["id", "by id"],
  ["unsure", "least agreement first", (run, row) => run.rows.votes[row] / Math.max(1, run.rows.paths[row])],
  ["tokens", "most tokens first", (run, row) => -run.rows.tokens[row]],
  ["slow", "slowest first", (run, row) => -run.rows.seconds[row]],
];

const TERM = /^([^=<>]+)(=|<=|>=|<|>)(.*)$/;

// A search as a test of an item: words that all must be there, and conditions such as level>=4.
function searchTest(task, query) {
  const tests = plain(query).split(/\s+/).filter(Boolean).map((word) => {
    const [, name, sign, wanted] = TERM.exec(word) ?? [];
    const column = name && Object.keys(task.meta).find((one) => plain(one) === name);
    if (column) return (item) => compares(task.meta[column][item], sign, wanted);
    return (item, row, a) => task.plain[item].includes(word) || plain(a.rows.answer[row] ?? "").includes(word);
  });
  return (item, row, a) => tests.every((test) => test(item, row, a));
}

function compares(value, sign, wanted) {
  if (value === null || value === undefined) return false;
  if (sign === "=") return plain(String(value)) === wanted || (wanted !== "" && Number(value) === Number(wanted));
  const difference = Number(value) - Number(wanted);
  if (wanted === "" || Number.isNaN(difference)) return false;
  return sign === "<" ? difference < 0 : sign === ">" ? difference > 0 : sign === "<=" ? difference <= 0 : difference >= 0;
}

// The rows of run A that meet all conditions. `found` holds the rows whose texts hold the search, if they were searched.
function listed({ a, b, task, outcome, column, value, order, query, found }) {
  const cause = 1 + index.causes.indexOf(outcome);
  const test = cause ? (run, row) => run.rows.cause[row] === cause : [...OUTCOMES, ...BESIDE].find(([name]) => name === outcome)?.[2];
  const meets = found ? (item, row) => found.has(row) : searchTest(task, query);
  const rows = [];
  for (let row = 0; row < a.rows.item.length; row++) {
    const item = a.rows.item[row];
    if (column && value !== "" && String(task.meta[column][item]) !== value) continue;
    if (!meets(item, row, a)) continue;
    if (test && !test(a, row, b, b?.again(item, a.rows.repeat[row]))) continue;
    rows.push(row);
  }
  const key = ORDERS.find(([name]) => name === order)?.[2];
  if (key) rows.sort((x, y) => key(a, x) - key(a, y) || x - y);
  if (order === "id") {
    const collator = new Intl.Collator("en", { numeric: true });
    rows.sort((x, y) => collator.compare(task.ids[a.rows.item[x]], task.ids[a.rows.item[y]]) || x - y);
  }
  return rows;
}

// The rows of a run whose problems hold the words anywhere, what the models wrote included; chunk by chunk.
async function searchTexts(run, task, query, onChunk, stopped) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const found = new Set();
  const inIndex = searchTest(task, query);
  const chunks = Math.max(-1, ...run.rows.chunk.slice(-1)) + 1;
  const rowsOf = Array.from({ length: chunks }, () => []);
  run.rows.chunk.forEach((number, row) => rowsOf[number].push(row));
  for (let number = 0; number < chunks; number++) {
    const lines = (await opened(`run-${run.number}-${number}`)).split("\n");
    if (stopped()) return null;
    for (const row of rowsOf[number]) {
      const held = plain(JSON.parse(lines[run.rows.line[row]]).texts.map(ownPieces).join("\n"));
      if (inIndex(run.rows.item[row], row, run) || words.every((word) => held.includes(word))) found.add(row);
    }
    onChunk(number + 1, chunks);
  }
  return found;
}

const ownPieces = (pieces) => (typeof pieces === "string" ? pieces : pieces.filter((piece) => typeof piece === "string").join(" "));
