// Ctrl or Command and Enter send the push.
for (const form of document.querySelectorAll("form[data-send]")) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("footer button[type=submit]"));
    }
  });
}
