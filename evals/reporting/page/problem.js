// One problem: its question, and what one run, or two side by side, made of it.

const GLYPH = { right: "✓", part: "◐", wrong: "✗", none: "∅" };
const SAID = { right: "right", part: "partly right", wrong: "wrong", none: "no answer" };

const verdict = (answered, score) => (!answered ? "none" : score >= 1 ? "right" : score > 0 ? "part" : "wrong");
const glyph = (kind) => el("span", { class: `v v-${kind}`, role: "img", "aria-label": SAID[kind] }, GLYPH[kind]);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

function side(run, problem) {
  const kind = verdict(problem.answer !== undefined, problem.score);
  const paths = problem.paths ?? [];
  const account = [
    problem.stopped,
    `${tokens(problem.tokens[0])} + ${tokens(problem.tokens[1])} tokens`,
    problem.cost === undefined ? null : money(problem.cost),
    seconds(problem.seconds),
    problem.tied ? `${problem.tied} answers tied` : null,
    problem.unsafe ? "the clock decided" : null,
    kind === "part" ? `score ${problem.score}` : null,
  ].filter(Boolean).join(" · ");
  const shown = paths.map((path) => pathDetails(problem, path));
  const made = el("section", { class: "side", "aria-label": run.label },
    el("h4", {}, run.label),
    el("p", { class: "said", dir: "auto" }, glyph(kind), " ", el("bdi", {}, ...visible(problem.answer ?? "no answer"))),
    el("p", { class: "account" }, account),
    problem.missed ? el("p", { class: "missed" }, ...visible(problem.missed.filter(Boolean).join(": "))) : null,
    problem.error ? textBlock(problem.error, { tag: "error" }) : null,
    ...(problem.notes ?? []).map((note) => el("p", { class: "note" }, ...visible(note))),
    tally(problem),
    paths.length > 1 ? strip(paths, shown) : null,
    ...shown);
  if (shown.length === 1) shown[0].open = true;
  return made;
}

function tally(problem) {
  const classes = problem.classes ?? [];
  if (!classes.length || (problem.paths ?? []).length < 2) return null;
  const heaviest = Math.max(...classes.map(([, , weight]) => weight)) || 1;
  const cells = classes.slice(0, 24).flatMap(([answer, votes, weight, score], place) => {
    const bar = el("div", { class: score >= 1 ? "weight right" : "weight" });
    bar.style.width = `${Math.max(0, (100 * weight) / heaviest)}%`;
    const number = weight === votes ? `${votes}` : `${votes} · ${Number(weight.toPrecision(3))}`;
    return [
      el("div", { class: "given" }, glyph(verdict(true, score ?? 0)), " ", el("bdi", {}, ...visible(answer))),
      bar,
      el("div", { class: "number" }, place < (problem.tied ?? 0) ? `${number} tied` : number),
    ];
  });
  if (classes.length > 24) cells.push(el("div", { class: "number" }, `${classes.length - 24} more answers`), el("div"), el("div"));
  if (problem.abstained) cells.push(el("div", { class: "given" }, glyph("none"), " none"), el("div"), el("div", { class: "number" }, `${problem.abstained}`));
  return el("div", { class: "tally", role: "group", "aria-label": "Votes" }, cells);
}

function strip(paths, shown) {
  return el("div", { class: "strip", role: "group", "aria-label": "Paths in index order" }, paths.map((path, place) => {
    const kind = verdict(path.answer !== undefined, path.score);
    const words = `path ${path.index}: ${path.answer ?? path.status.replace("_", " ")}, ${SAID[kind]}`;
    const open = () => {
      shown[place].open = true;
      shown[place].scrollIntoView({ block: "nearest" });
      shown[place].querySelector("summary").focus({ preventScroll: true });
    };
    return el("button", { type: "button", class: kind, title: words, "aria-label": words, onclick: open });
  }));
}

function pathDetails(problem, path) {
  const kind = verdict(path.answer !== undefined, path.score);
  const spent = (path.draws ?? []).reduce((sum, draw) => sum + draw.tokens[1], 0);
  const made = el("details", { class: "path" }, el("summary", {},
    el("span", {}, `path ${path.index}`),
    glyph(kind),
    el("bdi", {}, ...visible(path.answer ?? path.status.replace("_", " "))),
    el("span", { class: "soft" }, [path.member === undefined ? null : `member ${path.member}`, path.rule ? path.rule : null, plural(spent, "token")].filter(Boolean).join(" · "))));
  made.addEventListener("toggle", () => {
    if (made.open && made.childElementCount === 1) made.append(pathBody(problem, path));
  });
  return made;
}

function pathBody(problem, path) {
  const draws = path.draws ?? [];
  const parts = [];
  if (path.reason) parts.push(el("p", { class: "note" }, ...visible(path.reason)));
  draws.forEach((draw, place) => {
    const last = place === draws.length - 1;
    const whole = problem.texts[draw.text];
    const step = draws.length > 1 ? `step ${place + 1} of ${draws.length}` : null;
    parts.push(...drawParts(problem, draw, step, last ? path.span : null, path.program !== undefined && last && whole.trim() === problem.texts[path.program].trim()));
  });
  if (path.program !== undefined && !draws.some((draw) => problem.texts[draw.text].trim() === problem.texts[path.program].trim())) {
    parts.push(textBlock(problem.texts[path.program], { kind: "text code", tag: "program" }));
  }
  if (path.outcome) parts.push(...outcomeParts(problem, path.outcome));
  const signals = Object.entries(path.signals ?? {}).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  if (signals.length) parts.push(el("p", { class: "note" }, ...visible(signals.join(" · "))));
  (path.asides ?? []).forEach((draw) => parts.push(...drawParts(problem, draw, "aside", null, false)));
  return el("div", { class: "body" }, parts);
}

function drawParts(problem, draw, step, span, isProgram) {
  const spent = [step, isProgram ? "program" : null, `${tokens(draw.tokens[0])} + ${tokens(draw.tokens[1])} tokens`, seconds(draw.seconds),
    draw.finish ? `ended by ${draw.finish}` : null, draw.seed === undefined ? null : `seed ${draw.seed}`].filter(Boolean).join(" · ");
  return [
    draw.prompt === undefined ? null : promptDetails(problem, problem.prompts[draw.prompt]),
    draw.reasoning === undefined ? null : textBlock(problem.texts[draw.reasoning], { tag: "reasoning" }),
    textBlock(problem.texts[draw.text], { span, tag: spent, kind: isProgram ? "text code" : "text" }),
    draw.failure ? el("p", { class: "note" }, ...visible(draw.failure)) : null,
  ].filter(Boolean);
}

function promptDetails(problem, prompt) {
  const made = el("details", { class: "prompt" }, el("summary", {}, "prompt"));
  made.addEventListener("toggle", () => {
    if (!made.open || made.childElementCount > 1) return;
    if (typeof prompt === "number") made.append(textBlock(problem.texts[prompt]));
    else made.append(...prompt.map(([role, row]) => textBlock(problem.texts[row], { tag: role })));
  });
  return made;
}

function outcomeParts(problem, outcome) {
  const ended = outcome.status === "ok" ? "ran" : outcome.status.replace("_", " ");
  const parts = [el("p", { class: "note" }, `program ${ended} in ${seconds(outcome.seconds)}`, outcome.value === undefined ? "" : ", value ",
    outcome.value === undefined ? null : el("code", { dir: "auto" }, ...visible(outcome.value.slice(0, 400))))];
  for (const [key, tag] of [["printed", "printed"], ["error", "error"], ["warned", "standard error"], ["hint", "hint"]]) {
    if (outcome[key] !== undefined) parts.push(textBlock(problem.texts[outcome[key]], { tag }));
  }
  return parts;
}

function questionParts(task, item, problem) {
  const facts = [["gold", problem.gold ?? "decided by a verifier"]];
  if (problem.group !== undefined) facts.push(["group", problem.group]);
  for (const [name, value] of Object.entries(problem.meta ?? {})) {
    facts.push([name, typeof value === "string" ? value : JSON.stringify(value)]);
  }
  const question = problem.texts[0];
  return [
    question.length > SHOWN_AT_ONCE ? textBlock(question) : el("p", { class: "asked-whole", dir: "auto" }, ...visible(question)),
    el("dl", { class: "facts" }, facts.map(([name, value]) =>
      el("div", {}, el("dt", {}, ...visible(name)), el("dd", { dir: "auto" }, ...visible(value.length > 300 ? `${value.slice(0, 300)}…` : value))))),
  ];
}
