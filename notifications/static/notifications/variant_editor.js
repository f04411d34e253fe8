/* The editor of a campaign's messages: a gallery of templates, variables to insert, and a look at what is being typed.
   Without this script the fields stay as they are. */

const setup = JSON.parse(document.getElementById("variant-editor")?.textContent || "null");
const PAUSE = 500; // milliseconds of rest before what was typed is shown

function make(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/* A mail as a client of that scheme shows it, whatever the scheme of this browser. */
function inScheme(html, scheme) {
  const media = scheme === "dark" ? "all" : "not all";
  return html.replaceAll(/@media\s*\(prefers-color-scheme:\s*dark\)/g, `@media ${media}`);
}

function button(label, icon, onClick) {
  const symbol = make("span", { className: "material-symbols-outlined", textContent: icon, ariaHidden: "true" });
  return make("button", { type: "button", className: "ap-button", onclick: onClick }, symbol, label);
}

/* One variant: its fields by name, and the panel that shows it. */
class Editor {
  constructor(inline) {
    this.inline = inline;
    this.last = this.field("subject");
    this.isTouched = Boolean(inline.querySelector("[name$='-id']")?.value);
    inline.dataset.editor = "on";
    this.build();
    inline.addEventListener("input", () => this.later());
    inline.addEventListener("change", () => this.later());
    for (const name of ["subject", "preview_text", "html", "body"]) {
      const field = this.field(name);
      field?.addEventListener("focus", () => { this.last = field; });
      field?.addEventListener("input", () => { this.isTouched = true; });
    }
    for (const id of ["id_channel", "id_offer", "id_item_count"]) {
      document.getElementById(id)?.addEventListener("change", () => this.later());
    }
    this.show();
  }

  field(name) { return this.inline.querySelector(`[name$="-${name}"]`); }
  row(name) { return this.inline.querySelector(`.field-${name}`); }

  build() {
    const { texts } = setup;
    const source = this.row("html");
    const hasFault = Boolean(source?.matches(".errors") || source?.querySelector(".errors, .errorlist"));
    const toggle = button(texts.source, "code", () => {
      source.classList.toggle("ap-folded");
      toggle.setAttribute("aria-expanded", String(!source.classList.contains("ap-folded")));
      if (!source.classList.contains("ap-folded")) this.field("html").focus();
    });
    source?.classList.toggle("ap-folded", !hasFault);
    toggle.setAttribute("aria-expanded", String(hasFault));
    const choose = button(texts.choose, "palette", () => openGallery(this));
    choose.classList.add("ap-main");
    const insert = make("select", { className: "ap-input", ariaLabel: texts.insert },
      make("option", { value: "", textContent: texts.insert }),
      ...setup.variables.map(each => make("option", { value: each.text, textContent: each.label })));
    insert.addEventListener("change", () => { this.insert(insert.value); insert.value = ""; });
    this.mailOnly = [choose, toggle];
    const tools = make("div", { className: "ap-buttons ap-tools" }, choose, insert, toggle);
    this.row("subject").before(tools);

    this.frame = make("iframe", { className: "ap-mail", title: texts.sample });
    this.frame.setAttribute("sandbox", "");
    this.notice = make("div", { hidden: true });
    this.subject = make("p", { className: "ap-sentence" });
    this.problems = make("div", { className: "ap-problems", role: "status" });
    const sizes = this.choice([["desktop", "computer"], ["phone", "smartphone"]],
      name => { this.frame.classList.toggle("ap-mail-phone", name === "phone"); });
    const schemes = this.choice([["light", "light_mode"], ["dark", "dark_mode"]],
      name => { this.scheme = name; this.paint(); });
    this.choices = make("div", { className: "ap-buttons ap-push" }, sizes, schemes);
    const head = make("div", { className: "ap-head ap-look-head" }, this.subject, this.choices);
    const note = make("p", { className: "ap-quiet ap-note", textContent: texts.sample });
    const look = make("div", { className: "ap-look" }, head, this.problems, this.frame, this.notice, note);
    const place = this.inline.querySelector("[data-look]").closest(".field-line");
    place.replaceChildren(look);
    place.classList.add("ap-look-row");
  }

  choice(options, onChoose) {
    const group = make("div", { className: "ap-switch" });
    options.forEach(([name, icon], number) => {
      const each = button("", icon, () => {
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === each));
        onChoose(name);
      });
      each.title = each.ariaLabel = setup.texts[name];
      each.setAttribute("aria-pressed", String(number === 0));
      group.append(each);
    });
    return group;
  }

  insert(text) {
    const field = this.last?.offsetParent ? this.last : this.field("subject");
    field.focus();
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  fill(starter, language) {
    for (const name of ["subject", "preview_text", "html"]) this.field(name).value = starter[name];
    const spoken = this.field("language");
    if (spoken && spoken.value && !spoken.value.startsWith(language.split("-")[0])) spoken.value = language;
    this.isTouched = false;
    this.show();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), PAUSE);
  }

  async show() {
    const data = new FormData();
    for (const id of ["channel", "offer", "item_count"]) data.set(id, document.getElementById(`id_${id}`)?.value ?? "");
    for (const name of ["language", "subject", "preview_text", "html", "body"]) {
      data.set(name, this.field(name)?.value ?? "");
    }
    data.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const answer = await fetch(setup.content, { method: "POST", body: data, signal: this.asked.signal });
      if (answer.ok) this.draw(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  paint() {
    const html = inScheme(this.html ?? "", this.scheme);
    if (this.frame.srcdoc !== html) this.frame.srcdoc = html;
  }

  draw({ subject, html, notice, problems }) {
    const isMail = notice === undefined;
    for (const each of [...this.mailOnly, this.choices, this.frame]) each.hidden = !isMail;
    this.notice.hidden = isMail;
    this.subject.textContent = isMail ? subject || setup.texts.subject : "";
    if (isMail) {
      if (!problems.length) this.html = html;
      this.paint();
    } else {
      const text = make("div", { className: "ap-notice-text" },
        make("span", { className: "ap-notice-head", textContent: setup.shop }), make("b", { textContent: notice.title }),
        make("span", { textContent: notice.body }));
      this.notice.replaceChildren(make("div", { className: "ap-notice" },
        make("span", { className: "ap-notice-mark", textContent: setup.shop.slice(0, 1).toUpperCase(), ariaHidden: "true" }), text));
    }
    this.problems.replaceChildren(...problems.map(each => make("p", { className: "ap-error", textContent: each.text })));
    for (const name of ["subject", "preview_text", "html", "body"]) {
      const field = this.field(name);
      field?.toggleAttribute("aria-invalid", problems.some(each => each.field === name));
    }
  }
}

let gallery;

async function openGallery(editor) {
  gallery ??= makeGallery();
  gallery.editor = editor;
  const spoken = editor.field("language")?.value || setup.language;
  gallery.language.value = spoken.startsWith("zh") ? "zh-hans" : "en";
  gallery.dialog.showModal();
  await fillGallery();
}

function makeGallery() {
  const { texts } = setup;
  const language = make("select", { className: "ap-input", ariaLabel: texts.language, onchange: () => fillGallery() },
    ...Object.entries(setup.languages).map(([value, label]) => make("option", { value, textContent: label })));
  const close = button(texts.close, "close", () => dialog.close());
  const cards = make("div", { className: "ap-gallery" });
  const head = make("div", { className: "ap-head" }, make("h2", { textContent: texts.choose }),
    make("div", { className: "ap-buttons" }, language, close));
  const dialog = make("dialog", { className: "ap-dialog", ariaLabel: texts.choose }, head, cards);
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());
  document.body.append(dialog);
  return { dialog, language, cards };
}

async function fillGallery() {
  const language = gallery.language.value;
  const answer = await fetch(`${setup.gallery}?language=${language}`);
  const { starters } = await answer.json();
  gallery.cards.replaceChildren(...starters.map(starter => card(starter, language)));
}

function card(starter, language) {
  const frame = make("iframe", { srcdoc: inScheme(starter.sample, "light"), tabIndex: -1, title: starter.sample_subject });
  frame.setAttribute("sandbox", "");
  const use = button(setup.texts.use, "check", () => {
    const { editor, dialog } = gallery;
    if (editor.isTouched && !confirm(setup.texts.replace)) return;
    editor.fill(starter, language);
    dialog.close();
  });
  use.ariaLabel = `${setup.texts.use}: ${starter.title}`;
  return make("article", { className: "ap-starter", dataset: { key: starter.key } },
    make("div", { className: "ap-thumb" }, frame),
    make("h3", { textContent: starter.title }), make("p", { className: "ap-quiet", textContent: starter.purpose }), use);
}

function start() {
  for (const html of document.querySelectorAll("#variants-group textarea[name$='-html']")) {
    const inline = html.closest(".form-group");
    if (inline && !html.name.includes("__prefix__") && !inline.dataset.editor) new Editor(inline);
  }
}

function nameAnew(event) {
  const inline = event.target;
  const name = inline.querySelector?.("[name^='variants-'][name$='-name']");
  if (!name) return;
  const taken = new Set([...document.querySelectorAll("#variants-group [name$='-name']")]
    .filter(each => each !== name && !each.name.includes("__prefix__")).map(each => each.value));
  name.value = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find(letter => !taken.has(letter)) ?? "";
}

if (setup) {
  document.addEventListener("formset:added", event => { nameAnew(event); start(); });
  start();
}
