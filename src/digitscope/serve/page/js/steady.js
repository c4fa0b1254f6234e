/** Calls that are answered soon or given up, and changes that are sent until they arrive. */

import { Problem, ask, jsonOf } from "./api.js";

const MS_FOR_AN_ANSWER = 15_000;
const MS_BEFORE_RETRY = 1500;

/** Statuses after which the same request may do better: no server, too slow, its failure, too much to do. */
const PASSING = [0, 408, 500, 502, 503, 504];

/** Return a promise that is kept after some time. */
export const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Return the answer to a call, which comes soon or is given up.
 * @param {string} path
 * @param {RequestInit} [options]
 */
export const call = async (path, options) =>
  jsonOf(await ask(path, { signal: AbortSignal.timeout(MS_FOR_AN_ANSWER), ...options }));

/**
 * Return what a call with JSON needs.
 * @param {string} method
 * @param {unknown} content
 * @returns {RequestInit}
 */
export const json = (method, content) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(content),
});

/**
 * Send JSON until there is an answer, and return it. The server has to count what is sent twice once.
 * @param {string} method
 * @param {string} path
 * @param {unknown} content
 * @param {(problem: Problem) => void} onTrouble before each further try
 */
export async function sendUntilAnswered(method, path, content, onTrouble) {
  for (;;) {
    try {
      return await call(path, json(method, content));
    } catch (problem) {
      if (!(problem instanceof Problem && PASSING.includes(problem.status))) throw problem;
      onTrouble(problem);
      await after(MS_BEFORE_RETRY);
    }
  }
}
