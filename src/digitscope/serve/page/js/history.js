/** How a drawing was read after every epoch: a picture with a row per digit and a column per epoch, and a sentence. */

import { pictureOf, signedColours } from "./pixels.js";

const DIGITS = 10;
const MOST_RUNS = 3;

/** @typedef {{label: number, probabilities: number[]} | null} Reading null if there was no drawing then */

/**
 * Return the probabilities as a picture, 0 in the top row; what is to come is dark.
 * @param {Reading[]} readings one an epoch
 * @param {number} planned epochs
 */
export function historyPicture(readings, planned) {
  const values = new Float32Array(DIGITS * planned);
  readings.forEach((reading, epoch) =>
    reading?.probabilities.forEach((share, digit) => (values[digit * planned + epoch] = share)),
  );
  return pictureOf(values, planned, DIGITS, signedColours);
}

/**
 * Return what it was read as, and from which epoch on; "" if it was not read.
 * @param {Reading[]} readings one an epoch
 */
export function historyLine(readings) {
  const runs = readings
    .map((reading, i) => ({ label: reading?.label, epoch: i + 1 }))
    .filter(({ label }, i, all) => label !== undefined && label !== all[i - 1]?.label);
  const last = runs.at(-1);
  if (!last) return "";
  if (runs.length > MOST_RUNS)
    return `Read as ${last.label} from epoch ${last.epoch} on, after ${runs.length - 1} changes of mind.`;
  const parts = runs.map(({ label, epoch }) => `as ${label} from epoch ${epoch}`);
  return `Read ${parts.join(", ")} on.`;
}
