// A file that is dropped or chosen goes at once; one that is too large is told before anything is sent.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const zone = form.querySelector("[data-drop]");
  const input = form.querySelector("input[type=file]");
  const said = form.querySelector("[data-said]");

  function chosen() {
    const [file] = input.files;
    if (!file) return;
    const large = file.size > Number(form.dataset.upload);
    said.textContent = large ? said.dataset.large : `Checking ${file.name}…`;
    if (large) input.value = "";
    else form.requestSubmit();
  }

  input.addEventListener("change", chosen);
  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    chosen();
  });
}
