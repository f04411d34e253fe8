// Turns a field of names into chips with a list that is looked up. The field stays the truth: it is what is saved.

import { picker } from "./rule_picker.js";

for (const field of document.querySelectorAll("input[data-names]")) start(field);

function start(field) {
  const { names: kind, suggest, add, remove, nothing } = field.dataset;
  const lookUp = async (query) => {
    const answer = await fetch(`${suggest}?${new URLSearchParams(query)}`, { headers: { Accept: "application/json" } });
    return answer.ok ? (await answer.json()).found : [];
  };
  const values = field.value.split(/[,，;；\n]+/).map((name) => name.trim()).filter(Boolean);
  const element = picker({
    values, label: field.labels[0]?.textContent.trim() ?? "", free: true, placeholder: add, removeLabel: remove, nothing,
    lookUp: (text) => lookUp({ kind, q: text }),
    labelsOf: (known) => lookUp([["kind", kind], ...known.map((value) => ["value", value])]),
    onchange: (chosen) => {
      field.value = chosen.join(", ");
      field.dispatchEvent(new Event("change", { bubbles: true }));
    },
  });
  field.hidden = true;
  field.after(element);
  field.labels[0]?.addEventListener("click", () => element.querySelector("input").focus());
}
