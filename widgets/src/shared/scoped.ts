// A widget's style sheet, kept to the widget: in a page that shows several, equal class names mean different things.

/**
 * The rules of `css` for what is inside elements of the class `root`, or is such an element. `:where` adds nothing to
 * a selector's weight, so that the rules stand to each other, and to the theme, as they are written.
 */
export function scoped(css: string, root: string): string {
  return css.replace(/([^{}]+)\{/g, (rule, selectors: string) =>
    selectors.trim().startsWith("@") ? rule : `${selectors.split(/,(?![^(]*\))/).map((one) => within(one.trim(), root)).join(", ")} {`);
}

function within(selector: string, root: string): string {
  const own = /^\.([\w-]+)/.exec(selector)?.[1];
  if (own === "wb") return `.${root}${selector.slice(".wb".length)}`;
  if (own === root) return selector;
  const inside = `:where(.${root}) ${selector}`;
  return own === undefined ? inside : `${inside}, :where(.${root})${selector}`;
}
