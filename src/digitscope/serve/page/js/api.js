/** The server's answers, and what it says when it has none. */

import { serverEvents } from "./sse.js";

/** Why there is no answer, as one line for the user; `status` is 0 if the server was not reached. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const RECONNECTS = 5;
const MS_BEFORE_RECONNECT = 1000;

const UNAUTHORIZED = 401;

let token = "";
let askForToken = async () => "";

/**
 * Send `first` with every request, and what `ask` gives when the server wants another; kept in memory only.
 * @param {string} first "" for none
 * @param {() => Promise<string>} ask "" if the user has none
 */
export function useToken(first, ask) {
  token = first;
  askForToken = ask;
}

/**
 * Return what is read in a picture.
 * @param {Blob} picture
 * @param {Record<string, string>} options
 * @returns {Promise<any>}
 */
export async function read(picture, options) {
  const headers = { "Content-Type": picture.type || "application/octet-stream" };
  return jsonOf(await ask(`api/read?${new URLSearchParams(options)}`, { method: "POST", headers, body: picture }));
}

/**
 * Return what the network makes of one framed digit of 784 bytes.
 * @param {Uint8Array} pixels
 * @returns {Promise<any>}
 */
export async function inside(pixels) {
  return jsonOf(await ask("api/inside", { method: "POST", ...octets(pixels) }));
}

/** Return what a training may be asked for. */
export const trainingOptions = async () => jsonOf(await ask("api/trainings/options"));

/**
 * Start a training and return its id and data.
 * @param {Record<string, unknown>} settings
 */
export async function startTraining(settings) {
  const headers = { "Content-Type": "application/json" };
  return jsonOf(await ask("api/trainings", { method: "POST", headers, body: JSON.stringify(settings) }));
}

/**
 * Let a training read another drawing of 784 bytes from its next epoch on.
 * @param {string} id
 * @param {Uint8Array} pixels
 */
export async function changeDrawing(id, pixels) {
  await ask(`api/trainings/${id}/drawing`, { method: "PUT", ...octets(pixels) });
}

/**
 * Stop a training.
 * @param {string} id
 */
export async function stopTraining(id) {
  await ask(`api/trainings/${id}`, { method: "DELETE" });
}

/**
 * Yield the events of a training until its `end`; a broken connection is taken up where it broke.
 * @param {string} id
 * @returns {AsyncGenerator<{name: string, data: any}>}
 */
export async function* trainingEvents(id) {
  let last = "";
  for (let broken = 0; broken <= RECONNECTS; broken += 1) {
    try {
      const headers = last ? { "Last-Event-ID": last } : {};
      const { body } = await ask(`api/trainings/${id}/events`, { headers });
      for await (const event of serverEvents(body)) {
        last = event.id;
        yield { name: event.name, data: JSON.parse(event.data) };
        if (event.name === "end") return;
      }
    } catch (problem) {
      if (problem instanceof Problem && problem.status) throw problem;
    }
    await new Promise((resolve) => setTimeout(resolve, MS_BEFORE_RECONNECT));
  }
  throw new Problem(0, "The connection to the training is lost.");
}

const octets = (pixels) => ({ headers: { "Content-Type": "application/octet-stream" }, body: pixels });

/**
 * Fetch, and throw a `Problem` unless the answer is a good one.
 * @param {string} path relative to the page, so that the page works behind a prefix too
 * @param {RequestInit} [options]
 */
export async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(path, { ...options, headers, credentials: "omit" }).catch(() => {
    throw new Problem(0, "The server does not answer. Is digitscope serve still running?");
  });
  if (response.ok) return response;
  if (response.status === UNAUTHORIZED) {
    token = await askForToken();
    if (token) return ask(path, options);
  }
  throw new Problem(response.status, await detailOf(response));
}

/** Return what an answer holds; a `Problem` is thrown if it broke off. */
export async function jsonOf(response) {
  return response.json().catch(() => {
    throw new Problem(0, "The answer broke off.");
  });
}

/** Return a problem's detail or a remark, which begins as a part of a longer line may, as a sentence. */
export const sentenceOf = (line) => `${line[0].toUpperCase()}${line.slice(1).replace(/\.$/, "")}.`;

async function detailOf(response) {
  const { detail } = await response.json().catch(() => ({}));
  return detail ? sentenceOf(detail) : `The server answered ${response.status} ${response.statusText}.`;
}
