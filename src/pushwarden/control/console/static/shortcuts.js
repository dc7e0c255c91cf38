// Single-letter keys, for those who turned them on in their account. None of them changes anything.
const GOES = { a: "/apps", d: "/deliveries", u: "/audit", c: "/access", s: "/system" };
let waiting = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("q")?.focus();
  } else if (event.key === "?") {
    location.assign("/help");
  } else if (event.key === "g") {
    waiting = event.timeStamp;
  } else if (GOES[event.key] && event.timeStamp - waiting < 1500) {
    location.assign(GOES[event.key]);
  }
});
