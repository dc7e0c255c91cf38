// What looking_at.py asks of a page. Evaluated there: defines `looking`.
window.looking = (() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const scrolls = (one) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX);
  const clipped = (one) => {
    for (let up = one.parentElement; up; up = up.parentElement) if (scrolls(up)) return true;
    return false;
  };
  const ringed = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5) || style.boxShadow !== "none";
  };
  const within = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
  const marked = (one) => {
    const style = getComputedStyle(one);
    return style.borderBottomStyle !== "none" || style.outlineStyle !== "none" || style.textDecorationLine !== "none";
  };
  const named = (one) => {
    const words = one.getAttribute("aria-label") || one.innerText || one.name || "";
    return `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""} ${words.trim().slice(0, 40)}`;
  };

  return {
    frame: () => ({
      title: document.title,
      lang: document.documentElement.lang,
      h1: all("h1").map((one) => one.innerText.trim()),
      main: all("main").length,
      unnamed: all("nav:not([aria-label]):not([aria-labelledby])").length,
      captions: all("table:not(:has(caption))").map((one) => one.className),
      styled: all("[style]").map(named),
      inline: all("script:not([src])").length,
      ids: all("[id]").map((one) => one.id).filter((id, at, ids) => ids.indexOf(id) !== at),
    }),

    // What reaches beyond the width, unless a part of the page scrolls by itself around it.
    wide: (limit) => {
      const page = document.scrollingElement;
      if (page.scrollWidth <= limit + 1) return [];
      const far = all("body *").filter((one) => one.getBoundingClientRect().right > limit + 1 && !clipped(one));
      return [`scrolls ${page.scrollWidth} px`, ...far.slice(0, 5).map((one) => `${one.className} ${named(one)}`)];
    },

    // The element with the focus: whether a ring shows, and whether it lies in view and under nothing that sticks.
    focused: () => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      const box = one.getBoundingClientRect();
      const around = [one, one.closest("label"), one.closest(".search"), one.closest(".choice"), ...(one.labels ?? [])].filter(Boolean);
      const x = within(box.x + box.width / 2, innerWidth), y = within(box.y + Math.min(box.height / 2, 12), innerHeight);
      const top = document.elementFromPoint(x, y);
      const near = !top || one.contains(top) || top.contains(one) || around.some((other) => other.contains(top));
      const inView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
      return {
        name: named(one),
        ring: around.some(ringed),
        seen: (near && inView) || box.width < 2,
        key: all("*").indexOf(one),
      };
    },

    // Where colours are the reader's own: what is current and what is a button must show by an edge.
    edgeless: () => all(".btn").filter((one) => one.offsetParent && getComputedStyle(one).borderTopStyle === "none").map(named),
    flat: () => all("[aria-current=page]").filter((one) => one.offsetParent && !marked(one)).map(named),

    moving: () => document.getAnimations().filter((one) => one.playState === "running").length,
  };
})();
