// The page: its theme, the list of problems, links into it (#run/id/repeat?beside=run&outcome=…), and the keyboard.

const ROW = 58;
const state = { a: null, b: null, task: null, rows: [], at: -1, query: "", found: null, search: 0 };
let index = null;

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").firstElementChild.textContent = theme;
}

function startTheme() {
  const themes = ["auto", "light", "dark"];
  let theme = "auto";
  try { theme = themes.find((one) => one === localStorage.getItem("reasoning-theme")) ?? "auto"; } catch { /* storage is off */ }
  setTheme(theme);
  $("theme").hidden = false;
  $("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    setTheme(theme);
    try { localStorage.setItem("reasoning-theme", theme); } catch { /* storage is off */ }
  });
}

// Which run, and which beside it.
function chooseRuns(a, b) {
  const before = state.a;
  state.a = a;
  state.task = index.tasks[a.task];
  state.b = b && b !== a && b.task === a.task ? b : null;
  if (before !== a) state.found = null;
  const several = index.tasks.length > 1;
  const name = (run) => (several ? `${index.tasks[run.task].name} · ${run.label}` : run.label);
  options($("run-a"), index.runs.map((run) => [String(run.number), name(run)]), String(a.number));
  const others = index.runs.filter((run) => run.task === a.task && run !== a);
  options($("run-b"), [["", "–"], ...others.map((run) => [String(run.number), run.label])], state.b ? String(state.b.number) : "");
  $("run-b").disabled = !others.length;
  const chosen = $("outcome").value || "all";
  const causes = index.causes.filter((cause, place) => a.rows.cause.includes(place + 1)).map((cause) => [cause, `missed: ${cause}`]);
  const outcomes = [...OUTCOMES, ...(state.b ? BESIDE : []), ...causes];
  options($("outcome"), outcomes, outcomes.some(([value]) => value === chosen) ? chosen : "all");
  if (before?.task !== a.task) chooseTask();
}

function chooseTask() {
  const few = Object.keys(state.task.meta).filter((column) => new Set(state.task.meta[column].map(String)).size <= 60);
  options($("column"), [["", "–"], ...few.map((column) => [column, column])], "");
  $("column").parentElement.hidden = !few.length;
  chooseColumn();
}

function chooseColumn() {
  const column = $("column").value;
  $("value-label").hidden = !column;
  if (!column) return options($("value"), [["", "all"]], "");
  const collator = new Intl.Collator("en", { numeric: true });
  const values = [...new Set(state.task.meta[column].map(String))].sort(collator.compare);
  options($("value"), [["", "all"], ...values.map((value) => [value, value === "null" ? "none" : value])], "");
}

// The problem of a row of another run stays chosen: each run lists its problems as they came.
function keepProblem(before, row) {
  const there = before.task === state.a.task ? state.a.again(before.rows.item[row], before.rows.repeat[row]) : undefined;
  state.rows = there === undefined ? [] : [there];
  state.at = state.rows.length - 1;
}

function refresh() {
  const kept = state.at >= 0 ? state.rows[state.at] : -1;
  state.rows = listed({ ...state, outcome: $("outcome").value, column: $("column").value, value: $("value").value, order: $("order").value });
  state.at = state.rows.indexOf(kept);
  const all = state.a.rows.item.length;
  $("count").textContent = state.rows.length === all ? plural(all, "problem") : `${state.rows.length.toLocaleString("en")} of ${plural(all, "problem")}`;
  $("room").style.height = `${state.rows.length * ROW}px`;
  $("list").scrollTop = Math.max(0, state.at < 0 ? 0 : state.at * ROW - $("list").clientHeight / 3);
  drawRows();
}

function drawRows() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 6);
  const last = Math.min(state.rows.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 6);
  $("rows").style.transform = `translateY(${first * ROW}px)`;
  $("rows").replaceChildren(...state.rows.slice(first, last).map((row, offset) => listRow(row, first + offset)));
  list.setAttribute("aria-activedescendant", state.at >= first && state.at < last ? `row-${state.at}` : "");
}

function listRow(row, place) {
  const { a, b, task } = state;
  const item = a.rows.item[row], repeat = a.rows.repeat[row];
  const beside = b?.again(item, repeat);
  const kind = (run, at) => (at === undefined ? "none" : verdict(!(run.rows.flags[at] & UNANSWERED), scoreOf(run, at)));
  const marks = [glyph(kind(a, row)), b ? glyph(kind(b, beside)) : null];
  const votes = a.rows.paths[row] > 1 ? `${a.rows.votes[row]}/${a.rows.paths[row]}` : "";
  const made = el("div", { class: "row", role: "option", id: `row-${place}`, "aria-selected": place === state.at ? "true" : "false",
    "aria-posinset": place + 1, "aria-setsize": state.rows.length },
    el("div", {}, ...marks, el("span", { class: "id" }, named(task, item, repeat, a)), el("span", { class: "votes" }, votes)),
    el("span", { class: "asked", dir: "auto" }, ...visible(task.questions[item])));
  made.addEventListener("click", () => choose(place, true));
  return made;
}

const named = (task, item, repeat, run) => (run.repeats > 1 ? `${task.ids[item]} · repeat ${repeat}` : task.ids[item]);

const link = (run, id, repeat, beside) =>
  `#${encodeURIComponent(run.key)}/${encodeURIComponent(id)}${repeat ? `/${repeat}` : ""}${beside ? `?beside=${encodeURIComponent(beside.key)}` : ""}`;

function choose(place, open = false) {
  if (!state.rows.length) return;
  state.at = Math.max(0, Math.min(state.rows.length - 1, place));
  const list = $("list");
  const top = state.at * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  drawRows();
  const row = state.rows[state.at];
  const hash = link(state.a, state.task.ids[state.a.rows.item[row]], state.a.rows.repeat[row], state.b);
  if (location.hash !== hash) history.replaceState(null, "", hash);
  return show(row, open);
}

let showing = 0;

async function show(row, open) {
  const mine = ++showing;
  const { a, b, task } = state;
  const item = a.rows.item[row], repeat = a.rows.repeat[row];
  const beside = b?.again(item, repeat);
  const [first, second] = await Promise.all([problemAt(a, row), beside === undefined ? null : problemAt(b, beside)]);
  if (mine !== showing) return;
  const step = (by, words, sign) => el("button", { type: "button", "aria-label": words, title: words, onclick: () => choose(state.at + by, true) }, sign);
  const sides = [side(a, first), second ? side(b, second) : b ? el("section", { class: "side" }, el("h4", {}, b.label), el("p", { class: "note" }, "This run has no such problem.")) : null];
  $("problem").replaceChildren(
    el("div", { class: "bar-top" }, el("h3", {}, named(task, item, repeat, a)),
      el("button", { type: "button", onclick: toList }, "list"), step(-1, "previous problem", "↑"), step(1, "next problem", "↓")),
    ...questionParts(task, item, first),
    el("div", { class: b ? "sides two" : "sides" }, sides));
  $("problems").classList.add("chosen");
  const above = $("problem").getBoundingClientRect().top;
  if (open && (above < 0 || above > innerHeight * 0.6)) $("problem").scrollIntoView({ block: "start", behavior: "instant" });
}

function toList() {
  $("list").focus({ preventScroll: true });
  const seen = $("list").getBoundingClientRect();
  if (seen.top < 0 || seen.bottom > innerHeight) $("list").scrollIntoView({ block: "nearest" });
}

// Follows a link to a run or to a problem; anything else is a section of the page.
async function follow() {
  const [place, more] = location.hash.slice(1).split("?");
  let parts;
  try { parts = place.split("/").map(decodeURIComponent); } catch { return; }
  const [key, id, repeat] = parts;
  const run = index.runs.find((one) => one.key === key);
  if (!run) return;
  const asked = new URLSearchParams(more ?? "");
  const beside = asked.get("beside"), outcome = asked.get("outcome");
  $("search").value = state.query = "";
  state.found = null;
  $("outcome").value = "all";
  chooseRuns(run, index.runs.find((one) => one.key === beside) ?? null);
  if ([...$("outcome").options].some((one) => one.value === outcome)) $("outcome").value = outcome;
  chooseTask();
  refresh();
  $("problems").scrollIntoView({ behavior: "instant" });
  const item = id === undefined ? -1 : state.task.ids.indexOf(id);
  const row = run.again(item, Number(repeat ?? 0));
  if (row !== undefined) await choose(state.rows.indexOf(row), true);
  else if (id !== undefined) $("problem").replaceChildren(el("p", { class: "empty" }, `This run has no problem ${id}.`));
}

async function search() {
  const mine = ++state.search;
  state.query = $("search").value;
  state.found = null;
  if ($("deep").checked && state.query.trim()) {
    const progress = (done, all) => { if (mine === state.search) $("count").textContent = `searching ${Math.round((100 * done) / all)} %`; };
    const found = await searchTexts(state.a, state.task, state.query, progress, () => mine !== state.search);
    if (mine !== state.search) return;
    state.found = found;
  }
  refresh();
}

function openAll() {
  const paths = [...$("problem").querySelectorAll("details.path")];
  const open = paths.some((one) => !one.open);
  paths.forEach((one) => { one.open = open; });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  const inList = event.target === $("list") || event.target === document.body || $("problem").contains(event.target) || event.target === $("search");
  const page = Math.max(1, Math.floor($("list").clientHeight / ROW) - 1);
  const moves = { ArrowDown: 1, ArrowUp: -1, ...(event.target === $("list") ? { PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity } : {}), ...(typing ? {} : { j: 1, k: -1 }) };
  const seen = $("panes").getBoundingClientRect();
  const near = event.target === $("list") || $("problem").contains(event.target) || (seen.top < innerHeight * 0.75 && seen.bottom > 0);
  if (event.key === "/" && !typing) {
    $("search").focus();
    $("search").select();
  } else if (event.key === "Escape") {
    if (event.target === $("search") && $("search").value) { $("search").value = ""; search(); } else toList();
  } else if (event.key in moves && inList && near) {
    choose(state.at + moves[event.key]);
  } else if (event.key === "Enter" && event.target === $("search")) {
    choose(Math.max(0, state.at), true);
    toList();
  } else if (event.key === "Enter" && event.target === $("list") && state.at >= 0) {
    $("problem").focus({ preventScroll: true });
    $("problem").scrollIntoView({ block: "start", behavior: "instant" });
  } else if (event.key === "e" && !typing && near) {
    openAll();
  } else return;
  event.preventDefault();
}

async function start() {
  startTheme();
  if (typeof DecompressionStream === "undefined") return;
  index = await readIndex();
  options($("order"), ORDERS, "run");
  chooseRuns(index.runs[0], null);
  $("loading").hidden = true;
  $("explorer").hidden = false;
  refresh();
  const runOf = (id) => index.runs[Number($(id).value)];
  const again = () => {
    const { a, rows, at } = state;
    chooseRuns(runOf("run-a"), $("run-b").value ? runOf("run-b") : null);
    if (state.a !== a && at >= 0) keepProblem(a, rows[at]);
    if (state.query && $("deep").checked) search(); else refresh();
    if (state.at >= 0) choose(state.at);
  };
  $("run-a").addEventListener("change", again);
  $("run-b").addEventListener("change", again);
  for (const id of ["outcome", "value", "order"]) $(id).addEventListener("change", refresh);
  $("column").addEventListener("change", () => { chooseColumn(); refresh(); });
  let wait = 0;
  $("search").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(search, $("deep").checked ? 250 : 60); });
  $("deep").addEventListener("change", search);
  document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
  $("list").addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
  addEventListener("resize", drawRows);
  addEventListener("hashchange", follow);
  addEventListener("keydown", onKey);
  await follow();
  document.documentElement.dataset.ready = "yes";
}

start();
