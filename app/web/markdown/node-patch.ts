// Makes nodes on the page what they should be with as few changes as can be. Promises: a node that is right already is
// not touched, so that selections in it, its scroll position and the focus stay; growing text is appended to.

/** @param from index of the first child that is compared; those before it are left alone */
export function patchChildren(parent: Node, from: number, wanted: readonly Node[]): void {
  let child = parent.childNodes[from] ?? null;
  for (const want of wanted) {
    const next = child?.nextSibling ?? null;
    if (!child) parent.appendChild(want);
    else if (!patchNode(child, want)) parent.replaceChild(want, child);
    child = next;
  }
  while (child) {
    const next = child.nextSibling;
    parent.removeChild(child);
    child = next;
  }
}

/** @returns whether the node could be made into the wanted one; otherwise it is as it was */
export function patchNode(node: Node, want: Node): boolean {
  if (node.nodeName !== want.nodeName) return false;
  if (node instanceof Text && want instanceof Text) patchText(node, want.data);
  if (node instanceof Element && want instanceof Element) {
    // A button says what has just been done with it; its words are not the reply's.
    if (node instanceof HTMLButtonElement) return true;
    // A style cannot be copied as an attribute: that is against a strict content policy.
    if (node.hasAttribute("style") !== want.hasAttribute("style")) return false;
    patchAttributes(node, want);
    patchChildren(node, 0, [...want.childNodes]);
  }
  return true;
}

function patchText(node: Text, data: string): void {
  if (node.data === data) return;
  if (data.startsWith(node.data)) node.appendData(data.slice(node.data.length));
  else node.data = data;
}

function patchAttributes(element: Element, want: Element): void {
  for (const name of element.getAttributeNames()) if (!want.hasAttribute(name)) element.removeAttribute(name);
  for (const { name, value } of want.attributes) {
    if (name !== "style" && element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}
