// What the search field offers while somebody types. Without it the field is a form that leads to its page.
const field = document.getElementById("q");
const WAIT_MS = 150;
let asked = 0, timer, before;

function list() { return document.getElementById("offers"); }
function offers() { return [...(list()?.querySelectorAll("a[role=option]") ?? [])]; }
function chosen() { return offers().find((one) => one.ariaSelected === "true"); }

function choose(one) {
  for (const other of offers()) other.ariaSelected = String(other === one);
  if (one) field.setAttribute("aria-activedescendant", one.id);
  else field.removeAttribute("aria-activedescendant");
  one?.scrollIntoView({ block: "nearest" });
}

function close() {
  asked += 1;
  clearTimeout(timer);
  list()?.remove();
  field.ariaExpanded = "false";
  field.removeAttribute("aria-activedescendant");
}

async function offer() {
  const mine = asked += 1;
  const app = location.pathname.match(/^\/apps\/([^/]+)\//)?.[1] ?? "";
  const answer = await fetch(`/search/offers?q=${encodeURIComponent(field.value)}&app=${app}`, { headers: { "hx-request": "true" } });
  if (mine !== asked || !answer.ok || answer.redirected) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("offers");
  if (mine !== asked || !found) return;
  list()?.remove();
  field.form.append(document.importNode(found, true));
  field.ariaExpanded = "true";
  choose(field.value ? offers()[0] : undefined);
}

function soon(ms) { clearTimeout(timer); timer = setTimeout(() => offer().catch(close), ms); }

function step(by) {
  const all = offers();
  const at = all.indexOf(chosen());
  choose(all.at((at < 0 && by < 0 ? 0 : at) + by) ?? all[0]);
}

if (field) {
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", "offers");
  field.ariaExpanded = "false";
  field.addEventListener("focus", (event) => { if (!field.form.contains(event.relatedTarget)) before = event.relatedTarget; soon(0); });
  field.addEventListener("input", () => soon(WAIT_MS));
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list()) step(event.key === "ArrowDown" ? 1 : -1);
      else soon(0);
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (list()) close();
      else before?.focus?.();
    }
  });
  field.form.addEventListener("focusout", (event) => { if (!field.form.contains(event.relatedTarget)) close(); });
  field.form.addEventListener("pointerdown", (event) => { if (event.target.closest("#offers")) event.preventDefault(); });
}
