/** What the curves of a training say, in one sentence. */

import { percent, short } from "./numbers.js";

const RISING_EPOCHS = 3;
const FEW_EPOCHS = 4;
const POOR = 0.9;
const WIDE_GAP = 0.03;
const STEADY = 0.02;

/**
 * @typedef {object} Epoch
 * @property {number} epoch
 * @property {number | null} train_loss null if it is no finite number
 * @property {number} train_accuracy
 * @property {number | null} validation_loss
 * @property {number} validation_accuracy
 */

/**
 * Return what the numbers show: over-fitting, under-fitting, or neither yet.
 * @param {Epoch[]} epochs from the first to the last so far
 * @returns {string}
 */
export function diagnosis(epochs) {
  const last = epochs.at(-1);
  if (!last) return "";
  if (last.train_loss === null || last.validation_loss === null) {
    return "Diverged: the loss is no number any more. The steps are too long: lower the learning rate.";
  }
  const best = epochs.reduce((least, each) => (each.validation_loss < least.validation_loss ? each : least));
  if (last.epoch - best.epoch >= RISING_EPOCHS && last.train_loss < best.train_loss)
    return overfitting(best, last);
  if (epochs.length < FEW_EPOCHS) return "Too early to tell: a few more epochs.";
  const before = epochs.at(-FEW_EPOCHS);
  const isSteady = 1 - last.train_loss / before.train_loss < STEADY * FEW_EPOCHS;
  if (last.train_accuracy < POOR && isSteady) return underfitting(last);
  const gap = last.train_accuracy - last.validation_accuracy;
  if (gap > WIDE_GAP) return generalisation(last);
  if (isSteady)
    return `Settled: ${percent(last.validation_accuracy)} of unseen digits are right, and the losses hardly move.`;
  return `Learning: both losses still fall, ${percent(last.validation_accuracy)} of unseen digits are right.`;
}

function overfitting(best, last) {
  return (
    `Overfitting: since epoch ${best.epoch} the validation loss rose from ${short(best.validation_loss)} to ` +
    `${short(last.validation_loss)} while the training loss fell from ${short(best.train_loss)} to ` +
    `${short(last.train_loss)}. It learns its examples by heart.`
  );
}

function underfitting(last) {
  return (
    `Underfitting: after ${last.epoch} epochs only ${percent(last.train_accuracy)} of its own training digits ` +
    "are right, and the loss hardly falls. It is too small, or its steps are too short or too long."
  );
}

function generalisation(last) {
  return (
    `A gap: ${percent(last.train_accuracy)} of the training digits are right, but ` +
    `${percent(last.validation_accuracy)} of unseen ones. More examples would help more than more epochs.`
  );
}
