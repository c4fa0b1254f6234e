/** Boxes of fields in the unit of the form: rounded, within the page, moved and resized. */

/** @typedef {[number, number, number, number]} Box left, top, width and height */
/** @typedef {[number, number]} Size width and height of the page */

const GRAINS = 2000;
const GRAINS_OF_A_STEP = 10;
const LEAST_GRAINS = 10;

/** Return the unit that boxes are rounded to: 0.1 mm on A4. */
export const grainOf = (size) => 10 ** Math.floor(Math.log10(Math.max(...size) / GRAINS));

/** Return how far a key moves: 1 mm on A4, or the tenth of it. */
export const stepOf = (size, isFine) => grainOf(size) * (isFine ? 1 : GRAINS_OF_A_STEP);

/** Return a number rounded to the grain, without the noise of binary fractions. */
export function rounded(value, size) {
  const grain = grainOf(size);
  return Number((Math.round(value / grain) * grain).toFixed(Math.max(0, Math.round(-Math.log10(grain)))));
}

const within = (value, least, most) => Math.max(least, Math.min(most, value));

/**
 * Return a box that was moved, as far as the page goes.
 * @param {Box} box
 * @param {Size} size
 * @returns {Box}
 */
export function moved([left, top, width, height], across, down, size) {
  const at = (edge, by, most) => (by ? within(rounded(edge + by, size), 0, Math.max(0, most)) : edge);
  return [at(left, across, size[0] - width), at(top, down, size[1] - height), width, height];
}

/**
 * Return a box of which some edges were moved; it keeps a width and a height.
 * @param {Box} box
 * @param {string} edges such as "se"
 * @param {Size} size
 * @returns {Box}
 */
export function resized([left, top, width, height], edges, across, down, size) {
  const least = LEAST_GRAINS * grainOf(size);
  let [x, y, right, bottom] = [left, top, left + width, top + height];
  if (edges.includes("w")) x = within(rounded(x + across, size), 0, right - least);
  if (edges.includes("e")) right = within(rounded(right + across, size), x + least, size[0]);
  if (edges.includes("n")) y = within(rounded(y + down, size), 0, bottom - least);
  if (edges.includes("s")) bottom = within(rounded(bottom + down, size), y + least, size[1]);
  const side = (from, to, before, ends) => (ends.test(edges) ? rounded(to - from, size) : before);
  return [x, y, side(x, right, width, /[we]/), side(y, bottom, height, /[ns]/)];
}

/**
 * Return the box between two corners.
 * @param {[number, number]} from
 * @param {[number, number]} to
 * @param {Size} size
 * @returns {Box}
 */
export function between(from, to, size) {
  const edge = (axis, choose) => within(rounded(choose(from[axis], to[axis]), size), 0, size[axis]);
  const [left, top] = [edge(0, Math.min), edge(1, Math.min)];
  return [left, top, rounded(edge(0, Math.max) - left, size), rounded(edge(1, Math.max) - top, size)];
}

/**
 * Return a box for a new field: below another one and as large, or in the middle of what is seen.
 * @param {Box | null} other
 * @param {[number, number]} middle
 * @param {Size} size
 * @returns {Box}
 */
export function freshBox(other, middle, size) {
  const [width, height] = other ? other.slice(2) : [rounded(size[0] / 4, size), rounded(size[1] / 33, size)];
  const [left, top] = other
    ? [other[0], other[1] + 1.5 * height]
    : [middle[0] - width / 2, middle[1] - height / 2];
  return [
    within(rounded(left, size), 0, size[0] - width),
    within(rounded(top, size), 0, size[1] - height),
    width,
    height,
  ];
}
