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
  if (idOf(old)) changed(old);
}

// Not node.id: of a form that has a field named "id", that is the field.
function idOf(node) {
  return node.getAttribute?.("id") ?? "";
}

function matches(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && idOf(old) === idOf(fresh);
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
  for (const child of old.children) if (idOf(child)) known.set(idOf(child), child);
  const wanted = new Set([...fresh.children].map(idOf).filter(Boolean));
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    while (here && idOf(here) && !wanted.has(idOf(here))) here = dropped(here);
    const named = idOf(next) ? known.get(idOf(next)) : undefined;
    if (named && named !== here) old.insertBefore(named, here);
    const mine = named ?? (here && matches(here, next) ? here : undefined);
    if (mine) {
      if (mine === here) here = here.nextSibling;
      morph(mine, next, changed);
    } else {
      old.insertBefore(next, here);
      if (idOf(next)) changed(next);
    }
  }
  while (here) here = dropped(here);
}

function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
