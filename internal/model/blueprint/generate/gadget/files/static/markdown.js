// Markdown as a tree. Pure: text goes in, and out come strings and nodes of the
// shape { tag, children }, a link with its href, a task with done, a list with its
// start. Nothing is ever read as HTML. It knows headings, paragraphs, lists, tasks,
// quotes, code, rules, emphasis and links; anything else stays as it was typed.

const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])[ \t]+(.*)$/;
const TASK = /^\[([ xX])\] (.*)$/;
const DEEPEST = 20; // quotes in quotes, lists in lists, emphasis in emphasis

// Return the nodes of a text.
export function parse(text) {
  return blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

// Return the address if following it is safe: http, https or mailto. Otherwise null.
export function safeLink(address) {
  return /^(https?:\/\/[^\s]+|mailto:[^\s]+)$/i.test(address) ? address : null;
}

function blocks(lines, depth) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at, depth);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

// Return the node of the block that begins at a line, if any, and where the next one begins.
function block(lines, at, depth) {
  const line = lines[at];
  if (line.trim() === "") return [null, at + 1];
  if (FENCE.test(line)) return code(lines, at);
  const heading = HEADING.exec(line);
  if (heading) {
    const words = heading[2].replace(/ +#+ *$/, "").trim();
    return [{ tag: `h${heading[1].length}`, children: inline(words) }, at + 1];
  }
  if (RULE.test(line)) return [{ tag: "hr", children: [] }, at + 1];
  if (depth < DEEPEST && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && ITEM.test(line)) return listing(lines, at, depth);
  return paragraph(lines, at);
}

function code(lines, at) {
  const fence = FENCE.exec(lines[at])[1];
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},} *$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end++;
  const text = lines.slice(at + 1, end).join("\n");
  return [{ tag: "pre", children: [{ tag: "code", children: [text] }] }, end + 1];
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [{ tag: "blockquote", children: blocks(inner, depth + 1) }, end];
}

// A list: lines that are indented further than its items belong to the item before them.
function listing(lines, at, depth) {
  const [, indent, marker] = ITEM.exec(lines[at]);
  const isOrdered = /\d/.test(marker);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]);
    if (!match || match[1].length !== indent.length || /\d/.test(match[2]) !== isOrdered) break;
    const first = end++;
    while (end < lines.length && belongs(lines, end, indent.length)) end++;
    items.push(item(match[3], lines.slice(first + 1, end), depth));
  }
  const list = { tag: isOrdered ? "ol" : "ul", children: items };
  if (isOrdered && Number.parseInt(marker, 10) !== 1) list.start = Number.parseInt(marker, 10);
  return [list, end];
}

// Report whether a line continues an item whose marker is indented so far.
function belongs(lines, at, indent) {
  const line = lines[at].trim() === "" ? (lines[at + 1] ?? "") : lines[at];
  return line.trim() !== "" && line.search(/\S/) > indent;
}

function item(words, rest, depth) {
  const task = TASK.exec(words);
  const margin = Math.min(...rest.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  const node = {
    tag: "li",
    children: [...inline(task ? task[2] : words), ...blocks(rest.map((line) => line.slice(margin)), depth + 1)],
  };
  if (task) node.done = task[1] !== " ";
  return node;
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "" && !interrupts(lines[end])) end++;
  const words = [];
  for (const [i, line] of lines.slice(at, end).entries()) {
    if (i > 0) words.push({ tag: "br", children: [] }); // a line that was typed as one stays one
    words.push(...inline(line.trim()));
  }
  return [{ tag: "p", children: words }, end];
}

function interrupts(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

const ESCAPED = /^\\([\\`*_{}[\]()#+\-.!~>|])/;
const LINK = /^!?\[([^\]\n]{1,500})\]\(([^()\s]{1,2000}|[^()\s]{0,1000}\([^()\s]{0,500}\)[^()\s]{0,500})\)/;
const BARE = /^https?:\/\/[^\s<>]+[^\s<>.,;:!?'")\]]/;
const EMPHASIS = [["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]];

// Return the nodes of a line.
function inline(text, depth = 0) {
  const nodes = [];
  let plain = "";
  let at = 0;
  const unclosed = new Set(); // marks that have no end in what is left of this line
  const push = (node) => {
    if (plain) nodes.push(plain);
    plain = "";
    nodes.push(node);
  };
  while (at < text.length) {
    const found = "\\`*_~[!h".includes(text[at]) ? span(text, at, depth, unclosed) : null;
    if (found === null) {
      plain += text[at++];
      continue;
    }
    if (typeof found.node === "string") plain += found.node;
    else push(found.node);
    at = found.end;
  }
  if (plain) nodes.push(plain);
  return nodes;
}

// Return the node that begins at a place of the line, and where it ends; or null.
function span(text, at, depth, unclosed) {
  const rest = text.slice(at, at + 2600);
  const escaped = ESCAPED.exec(rest);
  if (escaped) return { node: escaped[1], end: at + 2 };
  if (text[at] === "`") return codeSpan(text, at, unclosed);
  const link = LINK.exec(rest);
  if (link && safeLink(link[2])) {
    return { node: { tag: "a", href: link[2], children: inline(link[1], DEEPEST) }, end: at + link[0].length };
  }
  const bare = BARE.exec(rest);
  if (bare && !/\w/.test(text[at - 1] ?? "") && depth < DEEPEST) {
    return { node: { tag: "a", href: bare[0], children: [bare[0]] }, end: at + bare[0].length };
  }
  return depth < DEEPEST ? emphasis(text, at, depth, unclosed) : null;
}

function codeSpan(text, at, unclosed) {
  const ticks = /^`+/.exec(text.slice(at, at + 50))[0];
  const end = unclosed.has(ticks) ? -1 : text.indexOf(ticks, at + ticks.length);
  if (end < 0) {
    unclosed.add(ticks);
    return { node: ticks, end: at + ticks.length };
  }
  return { node: { tag: "code", children: [text.slice(at + ticks.length, end).trim()] }, end: end + ticks.length };
}

function emphasis(text, at, depth, unclosed) {
  for (const [mark, tag] of EMPHASIS) {
    const begin = at + mark.length;
    if (!text.startsWith(mark, at) || unclosed.has(mark) || /\s/.test(text[begin] ?? " ")) continue;
    if (mark[0] === "_" && /\w/.test(text[at - 1] ?? "")) continue; // snake_case
    const end = closing(text, begin, mark);
    if (end < 0) {
      unclosed.add(mark);
      continue;
    }
    return { node: { tag, children: inline(text.slice(begin, end), depth + 1) }, end: end + mark.length };
  }
  return null;
}

// Find the mark that ends an emphasis: it follows a word, and isn't part of a longer mark.
function closing(text, begin, mark) {
  for (let end = text.indexOf(mark, begin + 1); end >= 0; end = text.indexOf(mark, end + 1)) {
    if (/[\s\\]/.test(text[end - 1])) continue;
    if (mark.length === 1 && text[end + 1] === mark) {
      end += 1;
      continue;
    }
    if (mark.length === 2 && text[end + 2] === mark[0]) continue;
    if (mark[0] === "_" && /\w/.test(text[end + mark.length] ?? "")) continue;
    return end;
  }
  return -1;
}
