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
  const AS_IT_IS = "time, code, pre, kbd, samp, script, svg, option, ins, del, .mono, [translate=no], [aria-hidden=true]";
  const cut = (one) => {
    const style = getComputedStyle(one);
    if (!one.innerText || one.closest(".vh") || style.textOverflow === "ellipsis") return false;
    const hides = (way) => style[way] === "hidden" || style[way] === "clip";
    const wide = hides("overflowX") && one.scrollWidth > one.clientWidth + 1;
    return one.clientWidth > 0 && (wide || (hides("overflowY") && one.scrollHeight > one.clientHeight + 1));
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
    flat: () => all("[aria-current]").filter((one) => one.offsetParent && !marked(one)).map(named),

    // Lines, letters and words set apart as WCAG 1.4.12 has them: what a box then cuts off.
    spaced: () => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }");
      const before = document.adoptedStyleSheets;
      document.adoptedStyleSheets = [...before, sheet];
      const found = all("main *, header *, nav *, footer *").filter((one) => cut(one)).map(named);
      document.adoptedStyleSheets = before;
      return found;
    },

    // Every text a person reads, and whether it stands in a <time>, as code, or as somebody typed it.
    texts: () => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const found = [];
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const words = node.data.replace(/\s+/g, " ").trim();
        if (words && !node.parentElement.closest(AS_IT_IS)) found.push(words);
      }
      return found;
    },

    // Bytes on the wire of the page and all it loaded.
    weight: () => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind)).reduce((sum, one) => sum + one.transferSize, 0),

    moving: () => document.getAnimations().filter((one) => one.playState === "running").length,
  };
})();
