// The first lines before anything is sent, and how far the upload is. Without it the form is an ordinary one.
for (const form of document.querySelectorAll("form[data-import]")) {
  const input = form.querySelector("input[type=file]");
  const preview = form.querySelector("#preview");
  const moving = form.querySelector("#moving");

  const columns = () => [...preview.querySelectorAll("[data-column]")].map((one) => `${one.dataset.column.replaceAll(",", " ")}:${one.value}`).join(",");

  async function look() {
    const [file] = input.files;
    if (!file) return preview.replaceChildren();
    const chosen = columns();
    const address = `${form.dataset.preview}&name=${encodeURIComponent(file.name)}${chosen ? `&columns=${encodeURIComponent(chosen)}` : ""}`;
    const answer = await fetch(address, { method: "POST", body: file.slice(0, Number(form.dataset.previewed)), headers: { "content-type": "application/octet-stream" } });
    if (answer.ok) preview.innerHTML = await answer.text();
  }

  async function watch() {
    const answer = await fetch(`${form.dataset.import}?part=1`);
    if (answer.ok) moving.innerHTML = await answer.text();
  }

  input.addEventListener("change", () => { preview.replaceChildren(); look(); });
  preview.addEventListener("change", look);
  form.addEventListener("submit", (event) => {
    if (!input.files.length) return;
    event.preventDefault();
    const chosen = columns();
    const address = (event.submitter?.getAttribute("formaction") ?? form.getAttribute("action")) + (chosen ? `&columns=${encodeURIComponent(chosen)}` : "");
    const request = new XMLHttpRequest();
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    bar.setAttribute("aria-label", "Upload");
    moving.before(bar);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    request.upload.addEventListener("progress", (one) => { if (one.lengthComputable) bar.value = one.loaded / one.total; });
    const beat = setInterval(watch, 700);
    const over = () => { clearInterval(beat); location.assign(form.dataset.import); };
    request.addEventListener("load", over);
    request.addEventListener("error", over);
    request.open("POST", address);
    request.send(new FormData(form));
  });
}
