// Theme, copying, times in the reader's zone, focus and the search key. Every page works without it.
const root = document.documentElement;

function stored() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

if (stored()) root.dataset.theme = stored();

function say(words) {
  document.getElementById("toasts")?.replaceChildren(Object.assign(document.createElement("div"), { className: "toast", textContent: words }));
}

// Server times are UTC; data-time says how each is written.
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const EXACT = { ...CLOCK, fractionalSecondDigits: 3 };
const DAY = { day: "numeric", month: "short" };

function written(at, form) {
  const today = at.toDateString() === new Date().toDateString();
  if (form === "exact") return at.toLocaleTimeString("en-GB", EXACT);
  if (form === "clock" || (form === "moment" && today)) return at.toLocaleTimeString("en-GB", CLOCK);
  if (form === "day") return at.toLocaleDateString("en-GB", { ...DAY, year: "numeric" });
  const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  return `${at.toLocaleDateString("en-GB", { ...DAY, ...year })} ${at.toLocaleTimeString("en-GB", { ...CLOCK, second: undefined })}`;
}

function localise(within) {
  for (const time of within.querySelectorAll("time[data-time]")) {
    const words = written(new Date(time.dateTime), time.dataset.time);
    if (time.textContent !== words) time.textContent = words;
  }
  const zone = within.querySelector("[data-zone]");
  if (zone) zone.textContent = `Times are ${Intl.DateTimeFormat().resolvedOptions().timeZone.replace("_", " ")}`;
}

// How long something has stood, in the server's words, as it goes on.
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function lasted(seconds) {
  const at = Math.max(0, UNITS.findIndex(([unit]) => seconds >= unit));
  const parts = UNITS.slice(at, at + 2).map(([unit, name], number) => [Math.floor((number ? seconds % UNITS[at][0] : seconds) / unit), name]);
  return parts.filter(([count], number) => count || !number).map(([count, name]) => `${count}\u202f${name}`).join(" ");
}

setInterval(() => {
  for (const since of document.querySelectorAll("[data-since]")) {
    const seconds = Math.floor((Date.now() - new Date(since.dataset.since)) / 1000);
    if (seconds >= 1) since.textContent = `(${lasted(seconds)})`;
  }
}, 1000);

// Plots are drawn by the server: it is told the zone for the next page.
document.cookie = `zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}; path=/; max-age=31536000; samesite=lax`;

document.addEventListener("DOMContentLoaded", () => {
  localise(document);
  document.querySelector("[data-focus]")?.focus();
});
for (const swapped of ["htmx:after:swap", "htmx:after:settle"]) document.addEventListener(swapped, () => localise(document));

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-theme-toggle]")) {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private window */ }
  }
  const copy = event.target.closest("[data-copy], [data-copy-link]");
  if (copy) {
    const link = copy.dataset.copyLink;
    const text = link ? new URL(link, location.href).href : document.getElementById(copy.dataset.copy).textContent.trim();
    await navigator.clipboard.writeText(text);
    say("Copied");
  }
  // A menu closes when something else is pressed.
  for (const open of document.querySelectorAll("details.switch[open]")) if (!open.contains(event.target)) open.open = false;
});

// Neither does it lie over what the Tab key leads to.
document.addEventListener("focusin", (event) => {
  for (const open of document.querySelectorAll("details.switch[open]")) if (!open.contains(event.target)) open.open = false;
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.getElementById("q")?.focus();
  }
  if (event.key === "Escape") for (const open of document.querySelectorAll("details.switch[open]")) { open.open = false; open.querySelector("summary").focus(); }
});

// Colours kept in the account stand above those this browser was given.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-look]")) try { localStorage.removeItem("theme"); } catch { /* private window */ }
});

// A list is narrowed as soon as something is chosen; its button does the same.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-narrow] select")) event.target.form.requestSubmit();
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });
