/* The preview at the width of a desktop or a phone, in light or dark colours, or as plain text. */

const switches = document.querySelector("[data-preview-switches]");

if (switches) {
  const frame = document.querySelector("iframe.ap-mail");
  const plain = document.querySelector(".ap-plain");
  const { html } = frame.dataset;

  /* As a client of that scheme draws it, whatever the scheme of this browser. */
  function paint(scheme) {
    const media = scheme === "dark" ? "all" : "not all";
    frame.srcdoc = html.replaceAll(/@media\s*\(prefers-color-scheme:\s*dark\)/g, `@media ${media}`);
  }

  switches.addEventListener("click", event => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    for (const each of chosen.parentElement.children) each.setAttribute("aria-pressed", String(each === chosen));
    const { show, scheme } = chosen.dataset;
    if (show) {
      frame.hidden = show === "text";
      plain.hidden = show !== "text";
      frame.classList.toggle("ap-mail-phone", show === "phone");
    }
    if (scheme) paint(scheme);
  });
  paint("light");
}
