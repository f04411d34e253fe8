// Small helpers that make elements.

let serial = 0;

export function uniqueId() {
  serial += 1;
  return `rb-${serial}`;
}

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(text, label, onclick, more = {}) {
  return h("button", { type: "button", class: "rb-button", "aria-label": label, title: label, onclick, ...more }, text);
}

export function select(options, chosen, label, onchange) {
  const made = options.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  return h("select", { class: "rb-input", "aria-label": label, onchange: (event) => onchange(event.target.value) }, ...made);
}

// A number as it is typed: what is no number goes to the server as text, which says so at its place.
export function numberInput(value, label, oninput, more = {}) {
  return h("input", {
    type: "number", step: "any", class: "rb-input rb-number", "aria-label": label, value: value ?? "",
    oninput: (event) => oninput(event.target.value === "" ? null : Number(event.target.value)), ...more,
  });
}

export function textInput(value, label, oninput, more = {}) {
  return h("input", {
    type: "text", class: "rb-input", "aria-label": label, value: value ?? "", maxlength: 255,
    oninput: (event) => oninput(event.target.value), ...more,
  });
}
