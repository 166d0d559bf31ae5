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

// Shows `fresh` in place of what was there before, if they differ: nobody's
// click, selection or place of reading is lost for nothing.
export function renew(place, fresh) {
  const old = place.firstElementChild;
  if (old?.isEqualNode(fresh)) {
    return;
  }
  const tops = [...place.querySelectorAll(".scroll")].map((e) => e.scrollTop);
  place.replaceChildren(fresh);
  place.querySelectorAll(".scroll").forEach((e, i) => { e.scrollTop = tops[i] ?? 0; });
}

export const byId = (id) => document.getElementById(id);
