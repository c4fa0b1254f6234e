/** Numbers as people read them. */

/**
 * Return a share of 0 to 1 as percent; only what is all or nothing is called so.
 * @param {number} share
 */
export function percent(share) {
  if (share === 0 || share === 1) return `${100 * share}\u00a0%`;
  if (share < 0.0005) return "<\u00a00.1\u00a0%";
  if (share >= 0.9995) return ">\u00a099.9\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

/**
 * Return a probability as percent. A network is never certain: the server's 0 and 1 are rounded.
 * @param {number} probability
 */
export const likelihood = (probability) => percent(Math.min(Math.max(probability, 1e-7), 1 - 1e-7));

/** @param {number} value without digits that say nothing */
export const rounded = (value) => String(Number(value.toPrecision(3)));

/** @param {number} value with two or three digits that count, and not as 0 unless it is */
export function short(value) {
  const size = Math.abs(value);
  if (value > 0 && value < 0.0005) return "<\u00a00.001";
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

/**
 * @param {number} count
 * @param {string} noun
 */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
