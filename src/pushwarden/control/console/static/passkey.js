// Passkeys: a form with data-passkey asks the browser, puts the answer into the field `passkey`, and is sent.
const able = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;

async function answer(kind, options) {
  const asked = JSON.parse(options).publicKey;
  const found = kind === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
  return JSON.stringify(found.toJSON());
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!able) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.passkey.value) return;
    event.preventDefault();
    const why = form.querySelector(".why");
    try {
      form.elements.passkey.value = await answer(form.dataset.passkey, form.dataset.options);
      form.requestSubmit();
    } catch (error) {
      why.textContent = error.name === "NotAllowedError" ? "Nothing was chosen, or it took too long. Try once more." : error.message;
      why.hidden = false;
    }
  });
}
