// Writing notes: the list with its search, the editor and the preview beside it.
import { change, create, list, remove } from "./api.js";
import { h } from "./dom.js";
import { toast } from "./toast.js";
import { parse } from "./markdown.js";

const PAUSE = 700; // milliseconds without typing before a note is saved
const PAGE = 100;
const LONGEST_TITLE = 200;

// Show the writing tab in root. entity is the notes'.
export async function show(root, entity) {
  const desk = new Desk(entity);
  root.replaceChildren(desk.root);
  await desk.find();
  desk.open(desk.notes[0] ?? null);
}

// The list on one side, the open note on the other.
class Desk {
  notes = [];
  note = null; // the open one; null is a new one
  query = "";
  tag = "";
  searches = 0;
  saving = Promise.resolve(); // one save after the other

  constructor(entity) {
    this.entity = entity;
    const save = () => this.saveSoon();
    this.search = input("search", "Search the notes", { placeholder: "Search", oninput: () => this.searchSoon() });
    this.tags = h("div", { class: "row tags" });
    this.items = h("ul", { class: "items" });
    this.title = input("text", "Title", { class: "title", placeholder: "Title", maxlength: LONGEST_TITLE, oninput: save });
    this.labels = input("text", "Tags", { placeholder: "Tags, with commas between", oninput: save });
    this.text = h("textarea", {
      rows: 14, maxlength: 10000, placeholder: "Write in Markdown…", "aria-label": "Text, in Markdown", oninput: () => this.typed(),
    });
    this.preview = h("article", { class: "preview", "aria-label": "Preview" });
    this.state = h("p", { class: "muted state", role: "status" });
    this.root = h("section", { class: "desk", onkeydown: (event) => this.press(event) },
      h("aside", { class: "stack" },
        h("div", { class: "row" }, this.search, button("button primary", "New note", () => this.open(null))),
        this.tags,
        this.items),
      h("div", { class: "stack editor" },
        h("div", { class: "row head" }, this.title, button("button danger small", "Delete", () => this.discard())),
        this.labels,
        h("div", { class: "sides" }, this.text, this.preview),
        this.state));
  }

  // Fetch the notes that the search finds. An answer that a newer search has overtaken is dropped.
  async find() {
    const search = ++this.searches;
    const notes = [];
    try {
      for (;;) {
        const { items, total } = await list(this.entity, { q: this.query, limit: PAGE, offset: notes.length });
        notes.push(...items);
        if (items.length === 0 || notes.length >= total) break;
      }
    } catch (problem) {
      toast(`The notes can't be shown: ${problem.message}`);
      return;
    }
    if (search !== this.searches) return;
    this.notes = notes.map((note) => (note.id === this.note?.id ? this.note : note)); // the open one may be ahead
    this.drawList();
  }

  searchSoon() {
    clearTimeout(this.searchTimer);
    this.searchTimer = setTimeout(() => {
      this.query = this.search.value.trim();
      this.find();
    }, 200);
  }

  drawList() {
    const tags = [...new Set(this.notes.flatMap((note) => note.tags ?? []))].sort((a, b) => a.localeCompare(b));
    if (!tags.includes(this.tag)) this.tag = "";
    this.tags.replaceChildren(...tags.map((tag) =>
      button("button small tag", `#${tag}`, () => this.choose(tag), { "aria-pressed": String(tag === this.tag) })));
    const shown = this.notes.filter((note) => this.tag === "" || (note.tags ?? []).includes(this.tag));
    this.items.replaceChildren(...shown.map((note) => {
      const words = [h("strong", {}, note.title), h("span", { class: "muted" }, firstLine(note.body ?? ""))];
      const current = { "aria-current": String(note.id === this.note?.id) };
      return h("li", {}, button("item", words, () => this.open(note), current));
    }));
    if (shown.length === 0) this.items.append(h("li", { class: "muted none" }, this.query ? "Nothing is found." : "No notes yet."));
  }

  choose(tag) {
    this.tag = this.tag === tag ? "" : tag;
    this.drawList();
  }

  // Open a note, or an empty one. What was being written is saved first.
  open(note) {
    this.flush();
    this.note = note;
    this.title.value = note?.title ?? "";
    this.labels.value = (note?.tags ?? []).join(", ");
    this.text.value = note?.body ?? "";
    this.state.textContent = "";
    this.drawPreview();
    this.drawList();
    if (note === null) this.title.focus();
  }

  typed() {
    this.drawPreview();
    this.saveSoon();
  }

  drawPreview() {
    const nodes = parse(this.text.value).map(render);
    this.preview.replaceChildren(...(nodes.length > 0 ? nodes : [h("p", { class: "muted" }, "The preview appears here.")]));
  }

  saveSoon() {
    clearTimeout(this.saveTimer);
    this.state.textContent = "Not saved yet";
    this.saveTimer = setTimeout(() => this.flush(), PAUSE);
    this.isChanged = true;
  }

  // Save what was changed, now.
  flush() {
    clearTimeout(this.saveTimer);
    if (!this.isChanged) return;
    this.isChanged = false;
    const values = this.values();
    if (!values.title) {
      this.state.textContent = "";
      return;
    }
    this.note ??= {}; // a new note has no id until it was saved
    const note = Object.assign(this.note, values);
    this.saving = this.saving.then(() => this.save(note, values));
  }

  async save(note, values) {
    try {
      if (note.id === undefined) note.id = (await create(this.entity, values)).id;
      else await change(this.entity, note, values);
      if (this.note === note && !this.isChanged) this.state.textContent = "Saved";
      await this.find();
    } catch (problem) {
      this.isChanged ||= this.note === note;
      const reasons = Object.values(problem.errors ?? {}).join(" ");
      this.state.textContent = `Not saved: ${reasons || problem.message}`;
    }
  }

  // What is written. A note without a title is called by its first line.
  values() {
    const tags = this.labels.value.split(",").map((tag) => tag.trim().replace(/^#/, "")).filter(Boolean);
    return {
      title: (this.title.value.trim() || firstLine(this.text.value)).slice(0, LONGEST_TITLE),
      body: this.text.value,
      tags: [...new Set(tags)],
    };
  }

  async discard() {
    await this.saving;
    const note = this.note;
    if (note?.id !== undefined) {
      if (!confirm(`Delete “${note.title}”?`)) return;
      try {
        await remove(this.entity, note.id);
      } catch (problem) {
        toast(`That wasn't deleted: ${problem.message}`);
        return;
      }
    }
    clearTimeout(this.saveTimer);
    this.isChanged = false;
    await this.find();
    this.open(this.notes[0] ?? null);
  }

  press(event) {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.flush();
  }
}

function input(type, label, props) {
  return h("input", { type, "aria-label": label, ...props });
}

function button(style, words, onclick, props) {
  return h("button", { class: style, type: "button", onclick, ...props }, words);
}

function firstLine(text) {
  const line = text.split("\n").find((candidate) => /\w/u.test(candidate)) ?? "";
  return line.replace(/^[#>*+\-\s]+|[*`~]/g, "").slice(0, LONGEST_TITLE);
}

// Make the element of a Markdown node. Text stays text, and links are only those that markdown.js lets through.
function render(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const element = document.createElement(node.tag);
  if (node.tag === "a") Object.assign(element, { href: node.href, target: "_blank", rel: "noopener noreferrer" });
  if (node.start) element.start = node.start;
  if ("done" in node) {
    element.className = "task";
    const label = node.done ? "done" : "to do";
    element.append(h("input", { type: "checkbox", disabled: true, checked: node.done, "aria-label": label }), " ");
  }
  element.append(...node.children.map(render));
  return element;
}
