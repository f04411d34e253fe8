/* Sentences below the fields that they are about: who the chosen segment is and what the offer gives, as soon as they
   are chosen; and what a campaign's checks found, once they are counted. */

const setup = JSON.parse(document.getElementById("variant-editor")?.textContent || "null");

function note(field, kind, text, isFault) {
  const id = `${field.id}-${kind}`;
  const place = field.closest(".field-line") || field.parentElement;
  const element = document.createElement("p");
  Object.assign(element, { id, textContent: text, className: `ap-field-note${isFault ? " ap-warn" : ""}` });
  element.dataset.kind = kind;
  place.append(element);
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
}

function forget(root, kind) {
  for (const each of root.querySelectorAll(`.ap-field-note[data-kind="${kind}"]`)) each.remove();
}

async function glance(field, name) {
  const place = field.closest(".field-line") || field.parentElement;
  if (!field.value) return forget(place, "glance");
  const answer = await fetch(`${setup.glance}?${name}=${encodeURIComponent(field.value)}`);
  if (!answer.ok) return undefined;
  const found = (await answer.json())[name];
  forget(place, "glance");
  if (found?.text) note(field, "glance", found.text, false);
  for (const warning of found?.warnings ?? []) note(field, "glance", warning, true);
  return undefined;
}

function placeFindings(panel) {
  forget(document, "finding");
  for (const link of panel.querySelectorAll(".ap-checks a[href^='#id_']")) {
    const field = document.getElementById(link.hash.slice(1));
    const said = field?.closest(".field-line")?.textContent.includes(link.textContent.trim());
    if (field && !said) note(field, "finding", link.textContent.trim(), true);
  }
}

if (setup) {
  for (const name of ["segment", "offer"]) {
    const field = document.getElementById(`id_${name}`);
    if (!field) continue;
    field.addEventListener("change", () => glance(field, name));
    glance(field, name);
  }
  document.body.addEventListener("htmx:afterSettle", () => {
    const panel = document.querySelector(".ap-readiness");
    if (panel) placeFindings(panel);
  });
}
