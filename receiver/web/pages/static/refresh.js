"use strict";
// The overview fetches itself every 30 s. It never moves what somebody reads: not while the focus or a selection is there.
(() => {
  const EVERY_MS = 30_000;
  const live = document.getElementById("live");
  const verdict = document.getElementById("verdict");
  const automatic = document.getElementById("automatic");
  const stale = document.getElementById("stale");

  const isRead = () =>
    live.contains(document.activeElement) ||
    (!document.getSelection().isCollapsed && live.contains(document.getSelection().anchorNode));

  const show = (fresh) => {
    const open = [...live.querySelectorAll("details[open]")].map((each) => each.id);
    live.replaceChildren(...fresh.getElementById("live").childNodes);
    for (const id of open) live.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    const said = fresh.getElementById("verdict");
    if (said.textContent !== verdict.textContent) verdict.textContent = said.textContent; // else it would be read out again
    verdict.className = said.className;
  };

  const refresh = async () => {
    if (!automatic.checked || document.hidden || isRead()) return;
    try {
      const answer = await fetch(location.href, { redirect: "error", cache: "no-store" }); // a redirect: the session ended
      if (!answer.ok) throw new Error("refused");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!isRead()) show(fresh);
      stale.textContent = "";
    } catch {
      stale.textContent = "L'actualisation échoue : rechargez la page.";
    }
  };

  document.getElementById("refresh").hidden = false;
  setInterval(refresh, EVERY_MS);
})();
