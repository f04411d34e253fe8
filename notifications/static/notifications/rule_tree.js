// A rule as a tree for editing, and back: {negated, group: "all" | "any", children} or {negated, test}.

export function read(rule, known) {
  let negated = false;
  while (rule && typeof rule === "object" && "not" in rule) {
    negated = !negated;
    rule = rule.not;
  }
  for (const group of ["all", "any"]) {
    if (rule && Array.isArray(rule[group])) {
      return { negated, group, children: rule[group].map((inner) => read(inner, known)) };
    }
  }
  return { negated, test: simplified(rule ?? {}, known) };
}

export function readRoot(rule, known) {
  const node = read(rule, known);
  return node.group ? node : { negated: false, group: "all", children: [node] };
}

// "is X" is "is one of X": the builder has one way to say it.
function simplified(test, known) {
  const list = { "=": "in", "!=": "not_in" }[test.op];
  const part = known(keyOf(test))?.parts.find((each) => each.part === "test");
  return list && part && !part.ops.includes(test.op) ? { ...test, op: list, value: [test.value] } : { ...test };
}

// The rule; every node notes where it stands, as the server names places.
export function write(node, path = "") {
  node.path = path;
  const inside = node.negated ? join(path, "not") : path;
  let rule = node.test;
  if (node.group) {
    const place = join(inside, node.group);
    rule = { [node.group]: node.children.map((child, index) => write(child, `${place}[${index}]`)) };
  }
  return node.negated ? { not: rule } : rule;
}

function join(path, key) {
  return path ? `${path}.${key}` : key;
}

// The key of the thing in the catalogue that a test asks about.
export function keyOf(test) {
  for (const kind of ["field", "event", "orders", "prediction", "message", "coupon", "consent"]) {
    if (kind in test) return `${kind}:${test[kind]}`;
  }
  return ["attribute", "segment"].find((kind) => kind in test) ?? "";
}

export function depthOf(node) {
  return (node.negated ? 2 : 1) + (node.group ? Math.max(0, ...node.children.map(depthOf)) : 0);
}
