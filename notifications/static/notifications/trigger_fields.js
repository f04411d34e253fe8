/* Shows of a trigger only the fields that count for the chosen kind, and says what its numbers mean there. */
document.addEventListener("DOMContentLoaded", function () {
  "use strict";
  var kind = document.getElementById("id_kind");
  if (!kind) return;
  var fields = JSON.parse(document.getElementById("trigger-fields").textContent);
  var hints = JSON.parse(document.getElementById("trigger-hints").textContent);

  function toggle() {
    document.querySelectorAll("[data-field]").forEach(function (row) {
      row.hidden = fields[kind.value].indexOf(row.dataset.field) < 0;
    });
    Object.keys(hints).forEach(function (name) {
      var hint = hints[name][kind.value] || { text: "", placeholder: "" };
      document.querySelector("[data-hint='" + name + "']").textContent = hint.text;
      document.getElementById("id_" + name).placeholder = hint.placeholder;
    });
  }

  kind.addEventListener("change", toggle);
  toggle();
});
