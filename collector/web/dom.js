// Elements from code. Whatever comes from the network becomes text, never
// markup: there is no other way here to make an element.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value != null) {
      element.setAttribute(name, value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

const FOCUSED = "a[href], button, summary, [tabindex]";

// Shows `fresh` in place of what was there before, if they differ: nobody's
// click or selection is lost for nothing, and never the focus, what was opened
// or how far it was scrolled: a link by where it leads, others by their order.
export function renew(place, ...fresh) {
  const old = [...place.children];
  if (old.length === fresh.length && fresh.every((e, i) => old[i].isEqualNode(e))) {
    return;
  }
  const opened = [...place.querySelectorAll("details")].map((e) => e.open);
  const tops = [...place.querySelectorAll(".scroll")].map((e) => [e.scrollLeft, e.scrollTop]);
  const active = document.activeElement;
  const focused = [...place.querySelectorAll(FOCUSED)].indexOf(active);
  const top = place.scrollTop;
  place.replaceChildren(...fresh);
  place.querySelectorAll("details").forEach((e, i) => { e.open = opened[i] === true; });
  place.querySelectorAll(".scroll").forEach((e, i) => { [e.scrollLeft, e.scrollTop] = tops[i] ?? [0, 0]; });
  place.scrollTop = top;
  if (focused >= 0) {
    const now = [...place.querySelectorAll(FOCUSED)];
    const same = active.href === undefined ? now[focused] : now.find((e) => e.href === active.href);
    (same ?? now[focused])?.focus({ preventScroll: true });
  }
}

export const byId = (id) => document.getElementById(id);
