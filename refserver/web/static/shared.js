// On a shared device nothing of a page stays behind it, and a page that nobody is at
// closes the space, after a warning.
(function () {
  "use strict";
  var idle = Number(document.currentScript.dataset.idle) * 1000, warn = 60 * 1000;

  // No trail: each page takes the place of the one before, so that "back" leads out.
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.hasAttribute("download") || link.target) return;
    if (link.origin !== location.origin || link.hash && link.pathname === location.pathname || !/^https?:$/.test(link.protocol)) return;
    if (/\/file$/.test(link.pathname)) return; // a download leaves the page where it is
    event.preventDefault();
    location.replace(link.href);
  });

  // What was typed is not kept for whoever comes next, in no memory of the browser.
  document.querySelectorAll("form, input, textarea, select").forEach(function (field) { field.setAttribute("autocomplete", "off"); });
  window.addEventListener("pagehide", function () {
    document.querySelectorAll("form").forEach(function (form) { form.reset(); });
  });

  var dialog = document.getElementById("idle");
  if (!dialog || !dialog.showModal) return; // nobody is signed in
  var seconds = dialog.querySelector("[data-seconds]"), last = Date.now(), told = Date.now();

  function away() {
    document.documentElement.hidden = true;
    document.dispatchEvent(new Event("reconnect:left")); // pages.js tells the other windows
    function out() { location.replace("/sign-in?done=idle"); }
    fetch("/leave", { method: "POST", keepalive: true, redirect: "manual" }).catch(function () {}).then(out);
    setTimeout(out, 1500);
  }

  function here(event) {
    if (dialog.open && !(event && event.type === "stay")) return; // only a word ends the warning
    last = Date.now();
    if (last - told < 60 * 1000 && !dialog.open) return;
    told = last;
    fetch("/still-here", { method: "POST" }).then(function (answer) {
      if (answer.status !== 204) location.replace("/idle/over");
    }).catch(function () {}); // the network is away: the next sign of life asks again
    if (dialog.open) dialog.close();
  }

  ["pointerdown", "keydown", "input", "scroll", "reconnect:busy"].forEach(function (kind) {
    document.addEventListener(kind, here, { passive: true });
  });
  dialog.querySelector("[data-stay]").addEventListener("click", function () { here({ type: "stay" }); });
  dialog.addEventListener("cancel", function (event) { event.preventDefault(); here({ type: "stay" }); });

  setInterval(function () {
    if (document.querySelector("form[aria-busy=true]")) here(); // an upload goes on
    var left = idle - (Date.now() - last);
    if (left <= 0) return away();
    if (left > warn) return;
    seconds.textContent = Math.ceil(left / 1000);
    if (!dialog.open) dialog.showModal();
  }, 1000);
})();
