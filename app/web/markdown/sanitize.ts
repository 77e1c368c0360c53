// The one place where HTML becomes nodes, through DOMPurify under a closed list. Promises: no element, attribute or
// address that is not named here; every link leaves the page in a tab of its own and speaks for nobody; nothing is
// loaded. Works where the page requires Trusted Types: its policy is called `parley-markdown`.

import createDomPurify, { type Config, type DOMPurify } from "dompurify";

const TAGS = [
  ..."p br strong em del code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr a".split(" "),
  ..."table thead tbody tr th td".split(" "),
];
const ATTRIBUTES = ["href", "class", "dir", "align", "start", "data-plain"];
const ATTRIBUTE_VALUES: Readonly<Record<string, RegExp>> = {
  class: /^language-[\w+#.-]{1,32}$/,
  dir: /^(?:auto|ltr)$/,
  align: /^(?:left|center|right)$/,
  start: /^\d{1,9}$/,
  "data-plain": /^$/,
};
/** What an attribute belongs to, where that is not everything. */
const OWNERS: Readonly<Record<string, string>> = { href: "A", class: "CODE", "data-plain": "P" };
const LINK_PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

let purifier: { readonly instance: DOMPurify; readonly config: Config } | undefined;
/** A page that has refused our policy once is not asked again: every question is a report to its owner. */
let isRefused = false;

/** @throws where the page's Trusted Types let nobody make nodes of text */
export function sanitize(html: string): DocumentFragment {
  if (isRefused) throw new TypeError("the page refused the policy");
  isRefused = true;
  purifier ??= createPurifier();
  isRefused = false;
  // The types follow a literal of RETURN_DOM_FRAGMENT; it is one in createPurifier.
  const clean: unknown = purifier.instance.sanitize(html, purifier.config);
  if (!(clean instanceof DocumentFragment)) throw new TypeError("DOMPurify gave no fragment");
  return clean;
}

function createPurifier() {
  // An instance of our own: hooks of the embedding page, or ours there, are nobody else's business.
  const instance = createDomPurify(window);
  instance.addHook("uponSanitizeAttribute", (element, data) => {
    if (!isAllowed(element, data.attrName, data.attrValue)) data.keepAttr = false;
  });
  instance.addHook("afterSanitizeAttributes", (element) => {
    if (element.nodeName !== "A" || !element.hasAttribute("href")) return;
    element.setAttribute("rel", "noopener nofollow ugc");
    element.setAttribute("target", "_blank");
  });
  const policy = createPolicy();
  const config: Config = {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
    ...(policy ? { TRUSTED_TYPES_POLICY: policy } : {}),
  };
  return { instance, config };
}

function isAllowed(element: Element, name: string, value: string): boolean {
  const owner = OWNERS[name];
  if (owner !== undefined && element.nodeName !== owner) return false;
  if (name === "href") return isOutside(value);
  return ATTRIBUTE_VALUES[name]?.test(value) === true;
}

/** Whole addresses only: where a relative one leads depends on the page the widget stands in. */
function isOutside(address: string): boolean {
  return URL.canParse(address) && LINK_PROTOCOLS.has(new URL(address).protocol);
}

type Policy = NonNullable<Config["TRUSTED_TYPES_POLICY"]>;
/** TypeScript's own library has no Trusted Types yet. */
interface PolicyFactory {
  createPolicy(
    name: string,
    rules: { createHTML(html: string): string; createScriptURL(url: string): string },
  ): Policy;
}

function createPolicy(): Policy | undefined {
  const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes;
  return factory?.createPolicy("parley-markdown", {
    createHTML: (html) => html,
    createScriptURL: () => {
      throw new TypeError("a reply loads no script");
    },
  });
}
