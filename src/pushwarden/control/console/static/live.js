// The stop question over the page, bands and strip kept true while it is open. Every page works without it.
async function part(address) {
  const answer = await fetch(address, { headers: { "hx-request": "true" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

document.addEventListener("click", async (event) => {
  const closing = event.target.closest("dialog[open] [data-close]");
  if (closing) {
    event.preventDefault();
    closing.closest("dialog").close();
    return;
  }
  const opener = event.target.closest('a[href="/stop"], a[href^="/stop?"]');
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (document.querySelector("dialog[data-asked]")) return;
  let dialog;
  try {
    dialog = (await part(opener.href)).querySelector("dialog");
  } catch { /* the page says why */ }
  if (!dialog) {
    location.assign(opener.href);
    return;
  }
  dialog = document.importNode(dialog, true);
  dialog.dataset.asked = "1";
  dialog.addEventListener("close", () => { dialog.remove(); opener.focus(); });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
});

// Bands that say what they said stay as they are: a screen reader would read them again.
function changed(old, now) {
  const bands = new Map([...old.children].map((band) => [band.dataset.band, band]));
  for (const band of now.children) {
    const before = bands.get(band.dataset.band);
    bands.delete(band.dataset.band);
    if (!before) old.append(document.importNode(band, true));
    else if (before.dataset.was !== band.innerHTML) { before.innerHTML = band.innerHTML; before.dataset.was = band.innerHTML; }
  }
  for (const gone of bands.values()) gone.remove();
}

async function refresh() {
  const here = location.pathname.match(/^\/apps\/[^/]+\/(production|sandbox|simulated)(?=\/)/);
  const fresh = await part(`${here ? here[0] : ""}/frame`);
  changed(document.getElementById("bands"), fresh.getElementById("bands"));
  document.querySelector(".frame > .strip")?.replaceChildren(...[...fresh.querySelector(".strip").childNodes].map((node) => document.importNode(node, true)));
  const stopped = fresh.querySelector("#bands .band.stopped") !== null;
  document.title = (stopped ? "Stopped – " : "") + document.title.replace(/^Stopped – /, "");
  document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").getAttribute("href");
  document.dispatchEvent(new Event("htmx:after:swap"));
}

const AGAIN_MS = 2000;
let source;

function listen() {
  if (!document.getElementById("bands") || !window.EventSource || source) return;
  source = new EventSource("/events");
  let missed = false;
  source.addEventListener("frame", (event) => {
    if (event.data === "changed" || missed) refresh().catch(() => {});
    missed = false;
    if (event.data === "ended") hush();
  });
  source.addEventListener("error", () => {
    missed = true;
    if (source?.readyState === EventSource.CLOSED) { hush(); setTimeout(listen, AGAIN_MS * 5); }
  });
}

function hush() { source?.close(); source = undefined; }

// Who stops leaves this page: it does not ask for bands while the receipt is on its way.
document.addEventListener("submit", (event) => { if (event.target.getAttribute("action") === "/stop" && !event.defaultPrevented) hush(); });
addEventListener("pagehide", hush);
addEventListener("pageshow", listen);
document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else { listen(); refresh().catch(() => {}); } });
