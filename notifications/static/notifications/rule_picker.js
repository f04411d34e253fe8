// A combobox after the ARIA practices: chips of chosen values, and a list that is looked up while one types.

import { h, uniqueId } from "./rule_dom.js";

const PAUSE = 200; // milliseconds without typing before the server is asked

// What the server at `address` suggests.
export async function lookUp(address, query) {
  const answer = await fetch(`${address}?${new URLSearchParams(query)}`, { headers: { Accept: "application/json" } });
  return answer.ok ? (await answer.json()).found : [];
}

// `options`: values, label, lookUp(text) -> [{value, label}], labelsOf(values), single, free, onchange(values).
export function picker(options) {
  const list = h("ul", { role: "listbox", id: uniqueId(), class: "rb-list", hidden: true });
  const input = h("input", {
    type: "text", role: "combobox", class: "rb-pick", autocomplete: "off", maxlength: 255, "aria-label": options.label,
    placeholder: options.placeholder, "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list",
  });
  const chips = h("span", { class: "rb-chips" });
  const element = h("div", { class: "rb-picker rb-input" }, chips, input, list);
  const state = { values: [...options.values], labels: {}, found: [], active: -1 };
  const parts = { input, list, chips, state, options };

  if (options.single) input.value = state.values[0] ?? "";
  else showChips(parts);
  element.addEventListener("click", (event) => event.target === element && input.focus());
  input.addEventListener("focus", () => ask(parts));
  input.addEventListener("input", () => typed(parts));
  input.addEventListener("keydown", (event) => pressed(parts, event));
  input.addEventListener("blur", () => left(parts));
  if (!options.single && state.values.length) fetchLabels(parts);
  return element;
}

async function fetchLabels(parts) {
  for (const { value, label } of await parts.options.labelsOf(parts.state.values)) parts.state.labels[value] = label;
  showChips(parts);
}

function showChips(parts) {
  const { state, chips, options } = parts;
  chips.replaceChildren(...state.values.map((value, index) => {
    const label = state.labels[value] ?? String(value);
    const remove = () => {
      state.values.splice(index, 1);
      changed(parts);
      parts.input.focus();
    };
    return h("span", { class: "rb-chip", title: String(value) }, label,
      h("button", { type: "button", "aria-label": `${options.removeLabel}: ${label}`, onclick: remove }, "×"));
  }));
}

function changed(parts) {
  if (!parts.options.single) showChips(parts);
  parts.options.onchange([...parts.state.values]);
}

function typed(parts) {
  if (parts.options.single) {
    parts.state.values = parts.input.value ? [parts.input.value] : [];
    changed(parts);
  }
  clearTimeout(parts.timer);
  parts.timer = setTimeout(() => ask(parts), PAUSE);
}

async function ask(parts) {
  const { state, input, options } = parts;
  const question = (parts.question = {});
  const found = await options.lookUp(options.single && input.value === state.asked ? "" : input.value);
  if (parts.question !== question || document.activeElement !== input) return;
  const chosen = options.single ? [] : state.values.map(String);
  state.found = found.filter((each) => !chosen.includes(String(each.value)));
  state.active = -1;
  showList(parts);
}

function showList(parts) {
  const { state, list, input, options } = parts;
  const rows = state.found.map((each, index) => h("li", {
    role: "option", id: `${list.id}-${index}`, "aria-selected": String(index === state.active),
    class: index === state.active ? "rb-active" : "",
    onmousedown: (event) => {
      event.preventDefault();
      choose(parts, each);
    },
  }, each.label, each.label === String(each.value) ? null : h("small", {}, String(each.value))));
  const none = !rows.length && input.value && !options.free;
  list.replaceChildren(...(none ? [h("li", { class: "rb-none", "aria-disabled": "true" }, options.nothing)] : rows));
  const open = rows.length > 0 || Boolean(none);
  list.hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (state.active >= 0) {
    input.setAttribute("aria-activedescendant", `${list.id}-${state.active}`);
    list.children[state.active].scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

function pressed(parts, event) {
  const { state, input, options, list } = parts;
  if (["ArrowDown", "ArrowUp"].includes(event.key) && state.found.length) {
    const step = event.key === "ArrowDown" ? 1 : -1;
    state.active = (state.active + step + state.found.length) % state.found.length;
    showList(parts);
  } else if (event.key === "Enter") {
    if (state.active >= 0 && !list.hidden) choose(parts, state.found[state.active]);
    else if (!options.single) addTyped(parts);
  } else if (event.key === "Escape" && !list.hidden) close(parts);
  else if (event.key === "Backspace" && !input.value && !options.single && state.values.length) {
    state.values.pop();
    changed(parts);
    return;
  } else return;
  event.preventDefault();
}

// What was typed is taken as it is where values are free, else only if it names one that was found.
function addTyped(parts) {
  const text = parts.input.value.trim();
  const same = parts.state.found.find((each) => [each.label, String(each.value)].includes(text));
  if (same) choose(parts, same);
  else if (text && parts.options.free) choose(parts, { value: text, label: text });
}

function choose(parts, { value, label }) {
  const { state, input, options } = parts;
  if (options.single) {
    state.values = [value];
    input.value = value;
  } else {
    if (!state.values.includes(value)) state.values.push(value);
    state.labels[value] = label;
    input.value = "";
  }
  close(parts);
  changed(parts);
}

function close(parts) {
  parts.state.found = [];
  parts.state.active = -1;
  parts.question = null;
  parts.list.hidden = true;
  parts.input.setAttribute("aria-expanded", "false");
}

function left(parts) {
  clearTimeout(parts.timer);
  if (!parts.options.single) addTyped(parts);
  close(parts);
}
