/* Shows of each variant only the fields that the chosen channel sends. */
document.addEventListener("DOMContentLoaded", function () {
  "use strict";
  var channel = document.getElementById("id_channel");
  if (!channel) return;
  var only = { email: [".field-preview_text", ".field-html"], others: [".field-body", ".field-url"] };

  function toggle() {
    var isMail = channel.value === "email";
    only.email.concat(only.others).forEach(function (row) {
      var isShown = only.email.indexOf(row) >= 0 ? isMail : !isMail;
      document.querySelectorAll("#variants-group " + row).forEach(function (found) { found.hidden = !isShown; });
    });
  }

  channel.addEventListener("change", toggle);
  document.addEventListener("formset:added", toggle);
  toggle();
});
