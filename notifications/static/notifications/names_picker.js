// Turns a field of names into chips with a list that is looked up. The field stays the truth: it is what is saved.

import { lookUp, picker } from "./rule_picker.js";

// A line each, so that a name may hold a comma; a line of text would lose its line breaks.
const written = (names) => names.map((name) => `${name},\n`).join("");

for (const field of document.querySelectorAll("input[data-names]")) start(field);

function start(field) {
  const { names: kind, suggest, add, remove, nothing } = field.dataset;
  const values = field.defaultValue.split("\n").map((name) => name.replace(/,?\s*$/, "").trim()).filter(Boolean);
  const label = field.labels[0];
  field.type = "hidden";
  field.value = written(values);
  const element = picker({
    values, label: label?.textContent.trim() ?? "", free: true, placeholder: add, removeLabel: remove, nothing,
    lookUp: (text) => lookUp(suggest, { kind, q: text }),
    labelsOf: (known) => lookUp(suggest, [["kind", kind], ...known.map((value) => ["value", value])]),
    onchange: (chosen) => {
      field.value = written(chosen);
      field.dispatchEvent(new Event("change", { bubbles: true }));
    },
  });
  field.after(element);
  label?.addEventListener("click", () => element.querySelector("input").focus());
}
