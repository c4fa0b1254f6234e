/** The token that a server may want: from the address, or from the user; kept in memory only. */

import { byId } from "./dom.js";

/** Return the token in the address's fragment, "" if there is none, and take it out of the address. */
export function tokenOfAddress() {
  const given = /^#token=(.*)$/.exec(location.hash)?.[1] ?? "";
  const token = given.replaceAll(/%[2-7][0-9a-f]/gi, decodeURIComponent); // a + stays one, as it is part of tokens
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

let asking = null;

/**
 * Ask the user, once for all who wait; "" if the user has none.
 * @returns {Promise<string>}
 */
export function askForToken() {
  asking ??= askOnce().finally(() => (asking = null));
  return asking;
}

async function askOnce() {
  const dialog = byId("token-dialog");
  byId("token").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "use" ? byId("token").value.trim() : "";
}
