// What the page's scripts share: elements, and amounts as people read and write them. Texts are set
// as text, never as HTML.

const exponents = { JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, KWD: 3, BHD: 3, OMR: 3, TND: 3, JOD: 3 };
const digitsOf = (currency) => exponents[currency] ?? 2;

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

export function money(amount, currency) {
  if (amount === null || amount === undefined) return null;
  const digits = digitsOf(currency);
  const major = amount / 10 ** digits;
  try {
    const style = { style: "currency", currency, minimumFractionDigits: digits };
    return new Intl.NumberFormat(undefined, style).format(major);
  } catch {
    return major.toFixed(digits) + " " + currency;
  }
}

/** An amount as it may be typed. */
export const typed = (amount, currency) => (amount / 10 ** digitsOf(currency)).toFixed(digitsOf(currency));

/**
 * What somebody typed, in minor units; null if that is not clear. A point or a comma stands before
 * the last digits, never between thousands: nobody bids a thousand times what he meant.
 */
export function minor(text, currency) {
  const digits = digitsOf(currency);
  const found = /^(\d{1,13})(?:[.,](\d+))?$/.exec(text.replace(/[\s\p{Sc}]/gu, ""));
  const rest = found?.[2] ?? "";
  if (!found || rest.length > digits) return null;
  const amount = Number(found[1] + rest.padEnd(digits, "0"));
  return Number.isSafeInteger(amount) && amount > 0 ? amount : null;
}
