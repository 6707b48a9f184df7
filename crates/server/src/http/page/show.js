// What the page's scripts share: elements, and amounts as people read and write them. Texts are set
// as text, never as HTML.

export const find = (id) => document.getElementById(id);

export function make(name, className, parent) {
  const element = document.createElement(name);
  if (className) element.className = className;
  parent?.append(element);
  return element;
}

export function put(element, text, flash) {
  if (element.textContent === text) return;
  const first = element.textContent === "";
  element.textContent = text;
  if (!flash || first) return;
  element.classList.remove("moved");
  void element.offsetWidth; // so that the same animation begins again
  element.classList.add("moved");
}

/** An amount as it may be typed. Where its decimals begin, the house says of each auction. */
export function typed(amount, { currency_digits: digits }) {
  const all = String(amount).padStart(digits + 1, "0");
  return digits === 0 ? all : all.slice(0, -digits) + "." + all.slice(-digits);
}

/** An amount of an auction; null if there is none. */
export function money(amount, auction) {
  if (amount === null || amount === undefined) return null;
  const { currency, currency_digits: digits } = auction;
  const style = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  // A text, because a number would not hold the last digits of a large amount.
  const major = typed(amount, auction);
  try {
    return new Intl.NumberFormat(undefined, style).format(major);
  } catch {
    return major + " " + currency;
  }
}

/**
 * What somebody typed, in minor units; null if that is not clear. A point or a comma stands before
 * the last digits, never between thousands: nobody bids a thousand times what he meant.
 */
export function minor(text, { currency_digits: digits }) {
  const found = /^(\d{1,13})(?:[.,](\d+))?$/.exec(text.replace(/[\s\p{Sc}]/gu, ""));
  const rest = found?.[2] ?? "";
  if (!found || rest.length > digits) return null;
  const amount = Number(found[1] + rest.padEnd(digits, "0"));
  return Number.isSafeInteger(amount) && amount > 0 ? amount : null;
}
