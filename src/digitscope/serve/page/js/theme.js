/** Light or dark: as the system has it, until the user says otherwise. Kept in the address, nowhere else. */

import { byId } from "./dom.js";

/**
 * Take the theme from the address, and let the button change it.
 * @param {() => void} onChange when colours have changed
 */
export function prepareTheme(onChange) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const asked = () => new URLSearchParams(location.search).get("theme");
  const show = () => {
    const isDark = asked() ? asked() === "dark" : system.matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    byId("theme").setAttribute("aria-pressed", String(isDark));
    onChange();
  };
  byId("theme").addEventListener("click", () => {
    const isDark = document.documentElement.dataset.theme === "dark";
    history.replaceState(null, "", withQuery("theme", isDark ? "light" : "dark"));
    show();
  });
  system.addEventListener("change", show);
  show();
}

function withQuery(name, value) {
  const address = new URL(location.href);
  address.searchParams.set(name, value);
  return address;
}
