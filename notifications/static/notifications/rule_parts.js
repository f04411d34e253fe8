// The inputs that fill a test. Each takes the test, which it changes, its description from the catalogue, and `tools`:
// texts, operators, suggest (address), changed() after a value, again() after what changes the inputs themselves.

import { button, h, numberInput, select, textInput } from "./rule_dom.js";
import { lookUp, picker } from "./rule_picker.js";

const WITHOUT_VALUE = ["is_set", "is_not_set"];

export const PARTS = { test: testPart, count: countPart, window: windowPart, items: itemsPart, name: namePart, choice: choicePart };

// A picker of values of `kind`, of the `choices` there are, or of any texts.
function valuePicker(tools, { kind, choices, values, label, single, free, onchange, placeholder }) {
  const local = (choices ?? []).map(([value, text]) => ({ value, label: text }));
  const fits = (text) => local.filter((each) => each.label.toLowerCase().includes(text.toLowerCase()));
  return picker({
    values, label, single, free: free ?? !choices, onchange, placeholder: placeholder ?? tools.texts.add,
    removeLabel: tools.texts.remove, nothing: tools.texts.nothing,
    lookUp: async (text) => (kind ? lookUp(tools.suggest, { kind, q: text }) : fits(text)),
    labelsOf: async (known) => (kind ? lookUp(tools.suggest, [["kind", kind], ...known.map((value) => ["value", value])]) : local),
  });
}

function testPart(test, part, tools) {
  const op = "top_percent" in test ? "top_percent" : test.op;
  const known = part.ops.includes(op) ? part.ops : [op, ...part.ops];
  const change = (chosen) => {
    delete test.top_percent;
    delete test.op;
    if (chosen === "top_percent") {
      delete test.value;
      test.top_percent = 10;
    } else setOperator(test, part, chosen);
    tools.again("rb-op");
  };
  const chooser = select(known.map((each) => [each, tools.operators[each] ?? each]), op, tools.texts.how, change);
  chooser.classList.add("rb-op");
  return [chooser, ...valueInputs(test, part, op, tools)];
}

// A value that fits the new operator: the old one where it can stay.
function setOperator(test, part, op) {
  const old = test.value;
  const first = Array.isArray(old) ? old[0] : old;
  test.op = op;
  if (WITHOUT_VALUE.includes(op)) delete test.value;
  else if (["in", "not_in"].includes(op)) test.value = Array.isArray(old) ? old : [old].filter((each) => each !== "" && each != null);
  else if (op === "between") test.value = [number(first, 0), number(first, 0) + 10];
  else if (op.endsWith("_days")) test.value = Math.max(1, Math.round(number(first, 30)));
  else if (["before", "after"].includes(op)) test.value = new Date().toISOString().slice(0, 10);
  else if (part.kind === "any" && ["=", "!="].includes(op)) test.value = first ?? "";
  else test.value = number(first, 1);
}

function number(value, otherwise) {
  return typeof value !== "boolean" && value !== "" && value !== null && Number.isFinite(Number(value)) ? Number(value) : otherwise;
}

function valueInputs(test, part, op, tools) {
  const { texts, changed } = tools;
  const put = (value) => changed(() => (test.value = value));
  if (WITHOUT_VALUE.includes(op)) return [];
  if (op === "top_percent") {
    const set = (value) => changed(() => (test.top_percent = value));
    return [numberInput(test.top_percent, texts.value, set, { min: 0.1, max: 100 }), "%"];
  }
  if (op === "mostly_between") return hourInputs(test, tools);
  if (op === "between") {
    const pair = Array.isArray(test.value) ? test.value : [null, null];
    const at = (index) => (value) => put(Object.assign([...test.value], { [index]: value }));
    return [numberInput(pair[0], texts.from, at(0)), "–", numberInput(pair[1], texts.to, at(1))];
  }
  if (op.endsWith("_days")) return [numberInput(test.value, texts.days, put, { min: 1, step: 1 }), texts.days];
  if (["before", "after"].includes(op)) {
    return [textInput(String(test.value ?? "").slice(0, 10), texts.value, put, { type: "date" })];
  }
  if (["in", "not_in"].includes(op)) {
    const values = Array.isArray(test.value) ? test.value : [];
    return [valuePicker(tools, { kind: part.suggest, choices: part.choices, values, label: texts.value, onchange: put })];
  }
  return part.kind === "any" && ["=", "!="].includes(op) ? scalarInputs(test, tools, put) : [numberInput(test.value, texts.value, put)];
}

function hourInputs(test, tools) {
  const hours = [...Array(25).keys()].map((hour) => [String(hour), `${hour}:00`]);
  const at = (index) => (value) => tools.changed(() => (test.value = Object.assign([...test.value], { [index]: Number(value) })));
  const [begin, end] = test.value.map(String);
  return [select(hours, begin, tools.texts.from, at(0)), "–", select(hours, end, tools.texts.to, at(1))];
}

// An attribute may be a text, a number, or yes or no.
function scalarInputs(test, tools, put) {
  const { texts } = tools;
  const kinds = [["string", texts.text], ["number", texts.number], ["boolean", `${texts.yes} / ${texts.no}`]];
  const kind = typeof test.value in { string: 1, number: 1, boolean: 1 } ? typeof test.value : "number";
  const chooser = select(kinds, kind, texts.kind, (chosen) => {
    test.value = { string: String(test.value ?? ""), number: number(test.value, 0), boolean: true }[chosen];
    tools.again("rb-kind");
  });
  chooser.classList.add("rb-kind");
  if (kind === "boolean") {
    const truth = [["true", texts.yes], ["false", texts.no]];
    return [chooser, select(truth, String(test.value), texts.value, (chosen) => put(chosen === "true"))];
  }
  return [chooser, (kind === "number" ? numberInput : textInput)(test.value, texts.value, put)];
}

function countBounds(test) {
  if (test.never) return { least: 0, most: 0 };
  const count = test.count ?? { ">=": 1 };
  const least = count["="] ?? count[">="] ?? (">" in count ? count[">"] + 1 : null);
  const most = count["="] ?? count["<="] ?? ("<" in count ? count["<"] - 1 : null);
  return { least, most };
}

function countPart(test, part, tools) {
  const { texts } = tools;
  const { least, most } = countBounds(test);
  let word = "between";
  if (most === 0) word = "never";
  else if (least === most) word = "=";
  else if (most === null) word = ">=";
  else if (!least) word = "<=";
  const words = [[">=", texts.atLeast], ["=", texts.exactly], ["<=", texts.atMost], ["between", tools.operators.between], ["never", texts.never]];
  const chooser = select(words, word, texts.howOften, (chosen) => {
    const some = Math.max(1, least ?? most ?? 1);
    delete test.never;
    delete test.count;
    if (chosen === "never") test.never = true;
    else test.count = chosen === "between" ? { ">=": some, "<=": some + 1 } : { [chosen]: some };
    tools.again("rb-count");
  });
  chooser.classList.add("rb-count");
  const input = (op, value, label) =>
    numberInput(value, label, (typed) => tools.changed(() => (test.count = { ...test.count, [op]: typed })), { min: 0, step: 1 });
  if (word === "never") return [chooser];
  if (word !== "between") return [chooser, input(word, word === "<=" ? most : least, texts.times), texts.times];
  test.count = { ">=": least, "<=": most };
  return [chooser, input(">=", least, texts.from), "–", input("<=", most, texts.to), texts.times];
}

function windowPart(test, part, tools) {
  const { texts } = tools;
  const chooser = select([["ever", texts.ever], ["window", texts.window]], "within_days" in test ? "window" : "ever", texts.when, (chosen) => {
    if (chosen === "ever") delete test.within_days;
    else test.within_days = 30;
    tools.again("rb-window");
  });
  chooser.classList.add("rb-window");
  if (!("within_days" in test)) return [chooser];
  const put = (value) => tools.changed(() => (test.within_days = value));
  return [chooser, numberInput(test.within_days, texts.days, put, { min: 1, step: 1 }), texts.days];
}

function itemsPart(test, part, tools) {
  const { texts } = tools;
  const open = test.item || tools.isOpen();
  if (!open) return [button(`+ ${texts.items}`, texts.items, () => { tools.open(true); tools.again("rb-items"); }, { class: "rb-button rb-quiet" })];
  const put = (key, value) => tools.changed(() => {
    const item = { ...test.item, [key]: value };
    if (value === null || value.length === 0) delete item[key];
    if (Object.keys(item).length) test.item = item;
    else delete test.item;
  });
  const line = (label, ...inputs) => h("div", { class: "rb-line" }, h("span", { class: "rb-label" }, label), ...inputs);
  const pickers = [["category", "category"], ["brand", "brand"], ["ids", "item"]].map(([key, kind]) => line(texts[key],
    valuePicker(tools, { kind, values: test.item?.[key] ?? [], label: texts[key], onchange: (values) => put(key, values) })));
  const close = button("×", texts.remove, () => { delete test.item; tools.open(false); tools.again("rb-items"); }, { class: "rb-icon" });
  return [h("div", { class: "rb-items", tabindex: -1, role: "group", "aria-label": texts.items },
    h("div", { class: "rb-line rb-items-head" }, h("span", {}, texts.items), close), ...pickers, line(texts.price, ...priceInputs(test, tools, put)))];
}

function priceInputs(test, tools, put) {
  const bound = (op, label) => numberInput(test.item?.price?.[op], label, (value) => {
    const price = { ...test.item?.price, [op]: value };
    if (value === null) delete price[op];
    put("price", Object.keys(price).length ? price : null);
  }, { min: 0, placeholder: label });
  return [bound(">=", tools.texts.from), "–", bound("<=", tools.texts.to)];
}

function namePart(test, part, tools) {
  const put = (values) => tools.changed(() => {
    if (values.length || part.required || part.free) test[part.key] = values[0] ?? "";
    else delete test[part.key];
  });
  const values = test[part.key] ? [test[part.key]] : [];
  return [valuePicker(tools, { kind: part.suggest, values, label: part.label, placeholder: part.label, single: true, free: part.free, onchange: put })];
}

function choicePart(test, part, tools) {
  const chosen = test[part.key] ?? part.choices[0][0];
  return [select(part.choices, chosen, tools.texts.value, (value) => tools.changed(() => (test[part.key] = value)))];
}
