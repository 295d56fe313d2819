// Building the page's elements. Nothing here reads a string as markup: texts become text nodes, and only that.

const $ = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Characters that would hide, or turn around, what a model wrote: control characters, and overrides of direction.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/u;

// A text as nodes, its hidden characters shown by their numbers.
function visible(text) {
  if (!HIDDEN.test(text)) return [text];
  const nodes = [];
  let plain = "";
  for (const character of text) {
    if (HIDDEN.test(character) && nodes.length < 2000) {
      const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      nodes.push(plain, el("span", { class: "ctl" }, `U+${code}`));
      plain = "";
    } else plain += character;
  }
  return [...nodes, plain];
}

const SHOWN_AT_ONCE = 12000;

// A block of text with a stretch of it marked; of a long one the beginning and the end, until the rest is asked for.
function textBlock(text, { span = null, kind = "text", tag = null } = {}) {
  const block = el("pre", { class: kind, dir: "auto" });
  const fill = (whole) => {
    const head = SHOWN_AT_ONCE * 0.75, tail = SHOWN_AT_ONCE * 0.25;
    if (whole || text.length <= SHOWN_AT_ONCE) {
      block.replaceChildren(...(span ? marked(text, 0, text.length, span) : visible(text)));
      return;
    }
    const start = text.length - tail;
    const more = el("button", { type: "button", onclick: () => fill(true) },
      `show ${(text.length - SHOWN_AT_ONCE).toLocaleString("en")} more characters`);
    block.replaceChildren(...marked(text, 0, head, span), "\n", more, "\n", ...marked(text, start, text.length, span));
  };
  fill(false);
  return tag === null ? block : el("div", {}, el("span", { class: "tag" }, tag), block);
}

function marked(text, from, to, span) {
  if (!span || span[0] < from || span[1] > to) return visible(text.slice(from, to));
  const mark = el("mark", { title: "read as the answer" }, ...visible(text.slice(span[0], span[1])));
  return [...visible(text.slice(from, span[0])), mark, ...visible(text.slice(span[1], to))];
}

function options(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, words]) => el("option", { value, selected: value === chosen }, words)));
}

const minutes = (s) => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
const seconds = (s) => (s < 0.95 ? `${Number(s.toPrecision(2))} s` : s < 59.95 ? `${s.toFixed(1)} s` : minutes(Math.round(s)));
const tokens = (n) => n.toLocaleString("en");
const money = (usd) => (usd > 0 && usd < 0.1 ? `$${usd.toPrecision(2)}` : `$${usd.toFixed(2)}`);
