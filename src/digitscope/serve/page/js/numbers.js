/** Numbers as people read them. */

/** @param {number} share 0 to 1 */
export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)}\u00a0%`;

/** @param {number} value without digits that say nothing */
export const rounded = (value) => String(Number(value.toPrecision(3)));

/** @param {number} value with two or three digits that count */
export const short = (value) =>
  Math.abs(value) >= 10 ? value.toFixed(1) : Math.abs(value) >= 0.1 ? value.toFixed(2) : value.toFixed(3);

/**
 * @param {number} count
 * @param {string} noun
 */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
