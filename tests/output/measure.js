// What is wrong with the page as it lies there: a list of "kind: where".  Returned to Python by Runtime.evaluate.
(() => {
  const found = [];
  const say = (kind, where) => found.push(`${kind}: ${where}`.slice(0, 160));
  const text = (node) => node.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const name = (e) => e.id || e.closest("[id]")?.id || e.tagName;
  const wide = document.documentElement.clientWidth;

  // Nothing reaches beyond the page; a wide table is scrolled within its own frame.
  if (document.documentElement.scrollWidth > wide)
    say("overflow", `page is ${document.documentElement.scrollWidth} wide, has ${wide}`);

  // Every piece of text that is seen, with the box in which it is seen.
  const scrolls = (e) => /auto|scroll|hidden/.test(getComputedStyle(e).overflowX);
  const frame = (e) => {
    for (let up = e; up && up !== document.body; up = up.parentElement) if (scrolls(up)) return up.getBoundingClientRect();
    return null;
  };
  const hidden = (e) => {
    for (let up = e; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.display === "none" || style.visibility === "hidden" || /inset/.test(style.clipPath)) return true;
    }
    return false;
  };
  const pieces = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const e = node.parentElement;
    if (!node.data.trim() || /^(TITLE|DESC|STYLE)$/i.test(e.tagName) || hidden(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const within = frame(e);
    for (const box of range.getClientRects()) {
      const slack = 0.17 * box.height; // above capitals and below the line a font box is empty
      let [left, right] = [box.left + 0.5, box.right - 0.5];
      if (within) [left, right] = [Math.max(left, within.left), Math.min(right, within.right)];
      if (right > left) pieces.push({ e, node, left, right, top: box.top + slack, bottom: box.bottom - slack });
    }
  }
  pieces.sort((a, b) => a.top - b.top);
  pieces.forEach((a, i) => {
    if (a.right > wide + 1) say("overflow", `${name(a.e)} “${text(a.node)}”`);
    for (let j = i + 1; j < pieces.length && pieces[j].top < a.bottom; j++) {
      const b = pieces[j];
      if (b.node !== a.node && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - b.top > 1)
        say("overlap", `${name(a.e)} “${text(a.node)}” and ${name(b.e)} “${text(b.node)}”`);
    }
  });

  // A figure has something drawn and something said, and its words and marks lie within it.
  for (const figure of all("figure")) {
    const svg = figure.querySelector("svg"), box = svg?.getBoundingClientRect();
    const drawn = svg ? all("line, rect, circle, polygon, path", svg) : [];
    if (!svg || box.width < 50 || box.height < 50 || !drawn.length || !all("text", svg).length) say("empty figure", name(figure));
    for (const part of drawn.concat(svg ? all("text", svg) : [])) {
      const inner = part.getBoundingClientRect();
      if (inner.left < box.left - 2 || inner.right > box.right + 2 || inner.top < box.top - 2 || inner.bottom > box.bottom + 2)
        say("cut off", `${name(figure)} ${part.tagName} “${text(part)}”`);
    }
  }

  // WCAG 2.2, 1.4.3 and 1.4.11: text 4.5 to 1 (large text 3), marks 3 to 1.  Lines of class `rule` only guide the eye.
  const channels = (colour) => (colour.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, two) => {
    const [dark, bright] = [light(one), light(two)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const ground = (e) => {
    for (let up = e; up; up = up.parentElement) {
      const colour = getComputedStyle(up).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const seen = new Set();
  for (const { e, node } of pieces) {
    const style = getComputedStyle(e), colour = e.closest("svg") ? style.fill : style.color, under = ground(e);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const key = `${colour} ${under} ${large}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (ratio(colour, under) < (large ? 3 : 4.5)) say("contrast", `${name(e)} “${text(node)}” ${colour} on ${under}`);
  }
  for (const mark of all("figure line, figure rect, figure circle, figure polygon, figure path")) {
    const style = getComputedStyle(mark), under = ground(mark);
    const colours = mark.tagName === "line" ? [style.stroke] : [style.stroke, style.fill];
    const best = Math.max(...colours.filter((c) => c !== "none").map((c) => ratio(c, under)), 0);
    const key = `mark ${colours} ${under}`;
    if (mark.classList.contains("rule") || seen.has(key)) continue;
    seen.add(key);
    if (best < 3) say("contrast of a mark", `${name(mark)} ${mark.tagName} ${colours}`);
  }

  // What a screen reader and a keyboard need.
  const root = document.documentElement;
  if (!root.lang) say("language", "none");
  if (!document.title.trim()) say("title", "none");
  if (all("main").length !== 1) say("landmark", "main");
  const levels = all("h1, h2, h3, h4, h5, h6").map((h) => Number(h.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) say("heading", "not one h1, first");
  all("h1, h2, h3, h4, h5, h6").forEach((h, i) => {
    if (i && levels[i] > levels[i - 1] + 1) say("heading", `h${levels[i]} after h${levels[i - 1]}: ${text(h)}`);
    if (!text(h)) say("heading", "without words");
  });
  for (const th of all("th")) if (!/^(col|row|colgroup|rowgroup)$/.test(th.scope)) say("scope", `${name(th)} ${text(th)}`);
  for (const table of all("table")) if (!table.caption || !text(table.caption)) say("caption", name(table));
  for (const svg of all("svg")) {
    const ids = (svg.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id));
    const tags = ids.map((e) => e && text(e) && e.closest("svg") === svg && e.tagName.toLowerCase());
    if (svg.getAttribute("role") !== "img" || tags.join() !== "title,desc") say("alt", name(svg));
  }
  for (const e of all("body *")) {
    if (scrolls(e) && e.scrollWidth > e.clientWidth + 1 && !hidden(e) && (e.tabIndex !== 0 || e.getAttribute("role") !== "region" || !e.getAttribute("aria-label")))
      say("scroll", `${name(e)} cannot be reached by keyboard`);
    if (e.tabIndex > 0) say("focus order", name(e));
  }
  const first = all("a[href], button, [tabindex]").filter((e) => e.tabIndex === 0)[0];
  if (!first || !first.matches("a[href^='#']") || document.querySelector(first.getAttribute("href"))?.tagName !== "MAIN")
    say("skip link", "the first stop is no way past the contents");
  return found;
})()
