/** What the curves of a training say, in one sentence that the numbers bear out. */

import { percent, short } from "./numbers.js";

/** Epochs that have to agree: a single one may be an outlier. */
const LATELY = 3;
/** A validation loss that rose is one this many times its best. */
const RISE = 1.25;
/** Shares of the training digits: with fewer right it has not learned them, or even guesses. */
const POOR = 0.9;
const GUESSING = 0.2;
/** By how much larger the share of training digits that are right is than that of unseen ones. */
const GAP = 0.03;
const WIDE_GAP = 0.1;
/** A training loss that falls by a smaller share an epoch hardly falls. */
const STEADY = 0.02;

/**
 * @typedef {object} Epoch
 * @property {number} epoch
 * @property {number} epochs that are planned
 * @property {number | null} train_loss null if it is no finite number
 * @property {number} train_accuracy
 * @property {number | null} validation_loss
 * @property {number} validation_accuracy
 */

/**
 * Return what the numbers show: overfitting, underfitting, or neither yet.
 * @param {Epoch[]} epochs from the first to the last so far
 * @param {number} checked validation digits: with few, more is noise
 * @returns {string}
 */
export function diagnosis(epochs, checked) {
  const last = epochs.at(-1);
  if (!last) return "";
  if (last.train_loss === null || last.validation_loss === null) {
    return "Diverged: the loss is no number any more. The steps are too long: lower the learning rate.";
  }
  if (epochs.length <= LATELY) return "Too early to tell: a few more epochs.";
  const { loss, accuracy } = bestOf(epochs);
  const lately = epochs.slice(-LATELY);
  const isWorse = lately.every((each) => accuracy - each.validation_accuracy > noise(accuracy, checked));
  const hasRisen = lately.every((each) => each.validation_loss > RISE * loss.validation_loss);
  if (hasRisen && isWorse && last.train_loss < loss.train_loss) return overfitting(loss, last, accuracy);
  const gap = Math.min(...lately.map((each) => each.train_accuracy - each.validation_accuracy));
  if (last.train_accuracy >= POOR && gap > WIDE_GAP + noise(accuracy, checked)) return byHeart(last);
  if (last.train_accuracy < POOR && isSteady(epochs)) return underfitting(last);
  if (hasRisen) return tooSure(loss, last);
  if (last.train_accuracy >= POOR && gap > GAP + noise(accuracy, checked)) return generalisation(last);
  return progress(epochs);
}

/** Return the epoch with the least validation loss, and the best validation accuracy of all. */
function bestOf(epochs) {
  const loss = epochs.reduce((least, each) => (each.validation_loss < least.validation_loss ? each : least));
  return { loss, accuracy: Math.max(...epochs.map((each) => each.validation_accuracy)) };
}

/** Return two standard deviations of a share that was counted in so many cases. */
const noise = (share, cases) => 2 * Math.sqrt((share * (1 - share)) / cases);

function isSteady(epochs) {
  const [before, last] = [epochs.at(-1 - LATELY), epochs.at(-1)];
  return 1 - last.train_loss / before.train_loss < STEADY * LATELY;
}

function overfitting(best, last, accuracy) {
  return (
    `Overfitting: since epoch ${best.epoch} the validation loss rose from ${short(best.validation_loss)} to ` +
    `${short(last.validation_loss)} while the training loss fell, and of unseen digits ` +
    `${percent(last.validation_accuracy)} are right, no longer ${percent(accuracy)}. ` +
    "More examples help, or fewer epochs."
  );
}

function byHeart(last) {
  return (
    `Overfitting: it knows its training digits by heart, ${percent(last.train_accuracy)} of them are right, but ` +
    `only ${percent(last.validation_accuracy)} of unseen ones. More examples would help, not more epochs.`
  );
}

function underfitting(last) {
  const share = percent(last.train_accuracy);
  if (last.epoch < last.epochs / 2) return `Slow so far: ${share} of the training digits are right.`;
  if (last.train_accuracy < GUESSING) {
    return `Stuck: ${share} of the training digits are right, little more than by guessing. Try a lower learning rate.`;
  }
  return (
    `Underfitting: after ${last.epoch} epochs only ${share} of its own training digits are right, and the loss ` +
    "hardly falls. It has too few neurons, or its steps are too short or too long."
  );
}

function tooSure(best, last) {
  return (
    `Growing too sure: ${percent(last.validation_accuracy)} of unseen digits are right, but since epoch ` +
    `${best.epoch} the validation loss rose from ${short(best.validation_loss)} to ` +
    `${short(last.validation_loss)}: where it errs, it is ever surer of it.`
  );
}

function generalisation(last) {
  return (
    `A gap: ${percent(last.train_accuracy)} of the training digits are right, but ` +
    `${percent(last.validation_accuracy)} of unseen ones. More examples would help more than more epochs.`
  );
}

function progress(epochs) {
  const [before, last] = [epochs.at(-1 - LATELY), epochs.at(-1)];
  const right = `${percent(last.validation_accuracy)} of unseen digits are right`;
  if (isSteady(epochs)) return `Settled: ${right}, and the training loss hardly falls any more.`;
  const falls = last.validation_loss < before.validation_loss ? "both losses still fall" : "its loss still falls";
  return `Learning: ${falls}, ${right}.`;
}
