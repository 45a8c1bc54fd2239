"use strict";
// The overview fetches itself every 30 s. It never moves what somebody reads: not while the focus or a selection is there.
// What it says of the whole is always of the last answer: without one it says nothing good.
(() => {
  const EVERY_MS = 30_000;
  const live = document.getElementById("live");
  const verdict = document.getElementById("verdict");
  const automatic = document.getElementById("automatic");
  const stale = document.getElementById("stale");

  const isRead = () =>
    live.contains(document.activeElement) ||
    (!document.getSelection().isCollapsed && live.contains(document.getSelection().anchorNode));

  const say = (text, look) => {
    if (text !== verdict.textContent) verdict.textContent = text; // else it would be read out again
    verdict.className = look;
  };

  const show = (fresh) => {
    const open = [...live.querySelectorAll("details[open]")].map((each) => each.id);
    live.replaceChildren(...fresh.getElementById("live").childNodes);
    for (const id of open) live.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  };

  const refresh = async () => {
    if (!automatic.checked || document.hidden) return;
    try {
      const answer = await fetch(location.href, { redirect: "error", cache: "no-store" }); // a redirect: the session ended
      if (!answer.ok) throw new Error("refused");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const said = fresh.getElementById("verdict");
      say(said.textContent, said.className);
      if (!isRead()) show(fresh);
      stale.textContent = "";
    } catch {
      say("État inconnu", "verdict bad");
      stale.textContent = "L'actualisation échoue : rechargez la page.";
    }
  };

  document.getElementById("refresh").hidden = false;
  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
})();
