// Composes a segment's rule by clicking. The textarea stays the truth: it is what is previewed and saved.

import { button, h, select } from "./rule_dom.js";
import { PARTS } from "./rule_parts.js";
import { depthOf, keyOf, readRoot, write } from "./rule_tree.js";

for (const element of document.querySelectorAll("[data-rule-builder]")) start(element);

function start(element) {
  const setup = JSON.parse(document.getElementById("rule-builder-setup").textContent);
  const things = new Map(setup.groups.flatMap((group) => group.things).map((thing) => [thing.key, thing]));
  const textarea = document.getElementById(element.dataset.ruleBuilder);
  const builder = { ...setup, things, textarea, tree: element.querySelector(".rb-tree") };
  load(builder);
  textarea.addEventListener("input", (event) => event.isTrusted && load(builder));
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "segment-verdict") markFaults(builder, event.target);
  });
}

// Read the text into the tree, unless somebody is still writing it.
function load(builder) {
  try {
    builder.root = readRoot(JSON.parse(builder.textarea.value), (key) => builder.things.get(key));
  } catch {
    return;
  }
  write(builder.root);
  draw(builder);
}

function draw(builder) {
  builder.tree.replaceChildren(drawGroup(builder, builder.root, null, 1));
}

function save(builder) {
  builder.textarea.value = JSON.stringify(write(builder.root), null, 2);
  builder.textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

// After a change of the tree itself: everything is drawn again, and `node` has the focus.
function rebuild(builder, node, selector) {
  save(builder);
  draw(builder);
  node?.element.querySelector(selector)?.focus();
}

function drawGroup(builder, node, parent, level) {
  const { texts } = builder;
  const word = select([["all", texts.all], ["any", texts.any]], node.group, texts.match, (group) => {
    node.group = group;
    rebuild(builder, node, ".rb-word");
  });
  word.classList.add("rb-word");
  const children = node.children.map((child) =>
    child.group ? drawGroup(builder, child, node, level + 1) : drawTest(builder, child, node));
  if (!children.length) children.push(h("p", { class: "rb-empty" }, texts.empty));
  const add = (made, selector) => () => {
    node.children.push(made());
    rebuild(builder, node.children.at(-1), selector);
  };
  const blank = () => ({ negated: false, test: structuredClone(builder.groups[0].things[0].blank) });
  const group = () => ({ negated: false, group: node.group === "all" ? "any" : "all", children: [blank()] });
  const isDeepest = level + depthOf({ ...group(), children: [blank()] }) > builder.deepest;
  node.element = h("div", { class: `rb-group rb-${node.group}`, role: "group", "aria-label": texts[node.group] },
    h("div", { class: "rb-head" }, negation(builder, node), h("span", {}, parent ? texts.match : texts.customers), word,
      parent && button("×", texts.removeGroup, () => remove(builder, node, parent), { class: "rb-icon rb-end" })),
    h("div", { class: "rb-problem", role: "alert" }),
    h("div", { class: "rb-children" }, ...children),
    h("div", { class: "rb-foot" },
      button(`+ ${texts.condition}`, texts.condition, add(blank, ".rb-what"), { class: "rb-button rb-add" }),
      isDeepest ? null : button(`+ ${texts.group}`, texts.group, add(group, ".rb-word"), { class: "rb-button rb-add-group" })));
  return node.element;
}

function remove(builder, node, parent) {
  parent.children.splice(parent.children.indexOf(node), 1);
  rebuild(builder, parent, ":scope > .rb-foot .rb-add");
}

function negation(builder, node) {
  const { texts } = builder;
  return button(texts.not, texts.negate, () => {
    node.negated = !node.negated;
    rebuild(builder, node, ".rb-not");
  }, { class: "rb-not", "aria-pressed": String(node.negated) });
}

function drawTest(builder, node, parent) {
  const { texts } = builder;
  const thing = builder.things.get(keyOf(node.test));
  const parts = thing
    ? thing.parts.map((part) => h("span", { class: `rb-part rb-part-${part.part}` }, ...PARTS[part.part](node.test, part, tools(builder, node, parent))))
    : [h("code", {}, JSON.stringify(node.test))];
  node.element = h("div", { class: "rb-test" },
    h("div", { class: "rb-row" }, negation(builder, node), whatChooser(builder, node, thing), ...parts,
      button("×", texts.remove, () => remove(builder, node, parent), { class: "rb-icon rb-end" })),
    h("div", { class: "rb-problem", role: "alert" }));
  return node.element;
}

function whatChooser(builder, node, thing) {
  const groups = builder.groups.map((group) => h("optgroup", { label: group.label },
    ...group.things.map((each) => h("option", { value: each.key, selected: each === thing }, each.label))));
  if (!thing) groups.unshift(h("option", { value: "", selected: true }, "…"));
  return h("select", {
    class: "rb-input rb-what", "aria-label": builder.texts.what,
    onchange: (event) => {
      node.test = structuredClone(builder.things.get(event.target.value).blank);
      node.isOpen = false;
      rebuild(builder, node, ".rb-what");
    },
  }, ...groups);
}

// What the inputs of a test may do.
function tools(builder, node, parent) {
  return {
    texts: builder.texts,
    operators: builder.operators,
    suggest: builder.suggest,
    changed: (change) => {
      change();
      save(builder);
    },
    again: (focus) => {
      const old = node.element;
      old.replaceWith(drawTest(builder, node, parent));
      save(builder);
      node.element.querySelector(`.${focus}, .rb-part-${focus.slice(3)} button`)?.focus();
    },
    isOpen: () => node.isOpen,
    open: (isOpen) => (node.isOpen = isOpen),
  };
}

// Each fault is also shown where it is: at the innermost node whose place its path begins with.
function markFaults(builder, verdict) {
  builder.tree.querySelectorAll(".rb-problem").forEach((place) => place.replaceChildren());
  builder.tree.querySelectorAll(".rb-wrong").forEach((place) => place.classList.remove("rb-wrong"));
  for (const fault of verdict.querySelectorAll(".rb-fault")) {
    const node = innermost(builder.root, fault.dataset.path);
    node.element.classList.add("rb-wrong");
    node.element.querySelector(".rb-problem").append(h("p", {}, fault.querySelector("span").textContent));
  }
}

function innermost(node, path) {
  const inside = (node.children ?? []).find((child) => path === child.path || path.startsWith(`${child.path}.`));
  return inside ? innermost(inside, path) : node;
}
