// Makes an element equal to a freshly rendered one while leaving alone what did not change, so that focus,
// selection, open menus and scroll positions stay. Children with an id are matched by it, others by place.

export function morph(old, fresh, changed = () => {}) {
  if (old.isEqualNode(fresh)) return;
  if (!matches(old, fresh)) {
    old.replaceWith(fresh);
    changed(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  morphAttributes(old, fresh);
  morphChildren(old, fresh, changed);
  if (old.id) changed(old);
}

function matches(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "");
}

function isKept(old, name) {
  return name === "open" && (old.nodeName === "DETAILS" || old.nodeName === "DIALOG");
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isKept(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isKept(old, name)) old.setAttribute(name, value);
  }
}

function morphChildren(old, fresh, changed) {
  const known = new Map();
  for (const child of old.children) if (child.id) known.set(child.id, child);
  const wanted = new Set([...fresh.children].map((child) => child.id).filter(Boolean));
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    while (here && here.id && !wanted.has(here.id)) here = dropped(here);
    const named = next.id ? known.get(next.id) : undefined;
    if (named && named !== here) old.insertBefore(named, here);
    const mine = named ?? (here && matches(here, next) ? here : undefined);
    if (mine) {
      if (mine === here) here = here.nextSibling;
      morph(mine, next, changed);
    } else {
      old.insertBefore(next, here);
      if (next.id) changed(next);
    }
  }
  while (here) here = dropped(here);
}

function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
