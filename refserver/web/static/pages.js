// A little help where there is JavaScript; every page works without it.
(function () {
  "use strict";

  // Leave quickly: this page is replaced in the history, so that "back" does
  // not lead here. The session is ended beside.
  document.querySelectorAll('form[action="/leave"]').forEach(function (form) {
    form.addEventListener("submit", function () {
      try { sessionStorage.clear(); } catch (e) { /* nothing is kept */ }
    });
  });
  document.querySelectorAll("form[data-leave]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (!window.fetch) return;
      event.preventDefault();
      var neutral = form.getAttribute("data-leave");
      document.documentElement.hidden = true;
      fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true })
        .catch(function () {})
        .then(function () { location.replace(neutral); });
      setTimeout(function () { location.replace(neutral); }, 1500);
    });
  });

  // typing tells whether something is written here that was not sent. A secret does not count.
  function typing() {
    return Array.prototype.some.call(document.querySelectorAll("main textarea, main input:not([type=password])"), function (field) {
      return field.type === "checkbox" || field.type === "radio" ? false : field.type !== "hidden" && field.value !== field.defaultValue;
    });
  }

  // Whoever leaves in one window leaves in all of them: the others hide what they show and
  // go to the way in. Nothing is said but that somebody left.
  var others = window.BroadcastChannel ? new BroadcastChannel("reconnect") : null, wayIn = document.body.getAttribute("data-way-in");
  if (others) {
    document.querySelectorAll('form[action="/leave"], form[action="/staff/lock"]').forEach(function (form) {
      form.addEventListener("submit", function () { others.postMessage(form.hasAttribute("data-leave") ? "quickly" : "left"); });
    });
    document.addEventListener("reconnect:left", function () { others.postMessage("left"); });
    if (wayIn) others.addEventListener("message", function (event) {
      document.documentElement.hidden = true; // first of all, whatever was being typed
      location.replace(event.data === "quickly" ? "/news" : wayIn + (typing() ? "?done=typing-gone" : ""));
    });
    window.addEventListener("pagehide", function (event) { if (!event.persisted) others.close(); });
  }

  // What is shown once is not left by a slip: the first tap on a way elsewhere asks, be it a
  // link or a form. Leaving quickly never does, nor who has printed it, nor a button that says
  // that it is kept.
  document.querySelectorAll("[data-last]").forEach(function (once) {
    var asked = false;
    function ask(event, way) {
      if (asked || !way || way.hasAttribute("data-kept")) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // nothing was sent yet, and no other window is told so
      asked = true;
      var note = document.createElement("p");
      note.className = "problem unprinted";
      note.setAttribute("role", "alert");
      note.tabIndex = -1;
      note.textContent = once.getAttribute("data-last");
      once.after(note);
      note.focus();
    }
    window.addEventListener("afterprint", function () { asked = true; });
    document.addEventListener("click", function (event) {
      var link = event.target.closest("a[href]");
      if (link && !link.target && link.getAttribute("href").charAt(0) !== "#") ask(event, link);
    }, true);
    document.addEventListener("submit", function (event) {
      if (!event.target.hasAttribute("data-leave")) ask(event, event.target);
    }, true);
  });

  // A second click while the first is at work does nothing, and a long upload
  // says that it goes on.
  document.querySelectorAll("form[method=post]:not([data-leave])").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.phone) return; // papers.js sends it
      if (form.getAttribute("aria-busy") === "true") {
        event.preventDefault();
        return;
      }
      if (["/take", "/print"].indexOf(form.getAttribute("action")) >= 0) { // a download leaves the page where it is
        document.querySelectorAll("p.problem[role=alert], form .error").forEach(function (over) { over.remove(); });
        return;
      }
      if (form.target === "_blank") setTimeout(function () { form.removeAttribute("aria-busy"); }, 4000); // as does what opens beside it
      form.setAttribute("aria-busy", "true");
      var sending = form.getAttribute("data-sending");
      if (sending) {
        var note = document.createElement("p");
        note.className = "done";
        note.setAttribute("role", "status");
        note.textContent = sending;
        form.appendChild(note);
      }
    });
  });
  // What is taken in or sent part by part goes on by itself; what somebody elsewhere has to
  // do is asked for again after so many seconds.
  document.querySelectorAll("form[data-go-on]").forEach(function (form) {
    var seconds = Number(form.getAttribute("data-go-on"));
    if (seconds) setTimeout(function () { if (!document.querySelector("form[aria-busy=true]")) form.requestSubmit(); }, 1000 * seconds);
    else form.requestSubmit();
  });

  // What is to be sent to somebody is copied at a tap, where the browser can.
  document.querySelectorAll("[data-copy]").forEach(function (line) {
    if (!navigator.clipboard) return;
    line.hidden = false;
    line.querySelector("button").addEventListener("click", function () {
      navigator.clipboard.writeText(document.getElementById(line.getAttribute("data-copy")).textContent).then(function () {
        var told = document.createElement("span");
        told.setAttribute("role", "status");
        told.textContent = line.getAttribute("data-copied");
        line.querySelectorAll("[role=status]").forEach(function (before) { before.remove(); });
        line.appendChild(told);
      });
    });
  });

  // A box that asks for more shows where.
  document.querySelectorAll("[data-opens]").forEach(function (box) {
    box.addEventListener("change", function () { document.getElementById(box.getAttribute("data-opens")).open = box.checked; });
  });

  // A page that is made for paper has a button; without JavaScript, a word on where the
  // browser's own is.
  document.querySelectorAll("[data-print]").forEach(function (hint) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "main wide unprinted";
    button.textContent = hint.getAttribute("data-print");
    button.addEventListener("click", function () { window.print(); });
    var icon = hint.querySelector(".icon");
    if (icon) button.insertBefore(icon, button.firstChild);
    hint.replaceWith(button);
  });

  // What is wrong with a secret is told beside its box as soon as it is left: it comes back
  // empty from the server, with all that is secret around it.
  function tell(input, problem) {
    var id = "now-" + input.name, told = document.getElementById(id), before = document.getElementById("e-" + input.name);
    input.setCustomValidity(problem);
    if (before) before.remove(); // the server's word was about what stood there before
    if (told) told.remove();
    input.toggleAttribute("aria-invalid", !!problem);
    if (!problem) return;
    told = document.createElement("p");
    told.id = id;
    told.className = "error";
    told.setAttribute("role", "alert");
    told.textContent = problem;
    input.before(told);
    input.setAttribute("aria-describedby", [document.getElementById("h-" + input.name) ? "h-" + input.name : "", id].join(" ").trim());
  }
  function twice(first, again, problem, differ) {
    function compare() { tell(again, !first.value || first.value === again.value ? "" : differ); }
    first.addEventListener("change", function () {
      tell(first, problem(first.value));
      if (again.value) compare();
    });
    again.addEventListener("change", compare);
    [first, again].forEach(function (input) {
      input.addEventListener("input", function () { // at once: taken away when the box is left, it would move what is being tapped
        if (input.validity.customError) tell(input, "");
        if (again.validity.customError && first.value === again.value) tell(again, "");
      });
    });
  }
  document.querySelectorAll("form[data-repeat]").forEach(function (form) {
    twice(form.elements["new"], form.elements["repeat"], function () { return ""; }, form.getAttribute("data-repeat"));
  });

  // The same rule as CheckPIN of package vault, which has the last word.
  function easy(pin) {
    var all = {}, steps = {}, turned = pin.split("").reverse().join("");
    for (var i = 0; i < 6; i++) {
      all[pin[i]] = true;
      if (i > 0) steps[(pin[i] - pin[i - 1] + 10) % 10] = true;
    }
    return Object.keys(all).length < 3 || Object.keys(steps).length === 1 || pin.slice(0, 3) === pin.slice(3) || pin === turned || /^(.)\1(.)\2(.)\3$/.test(pin);
  }
  document.querySelectorAll("[data-easy]").forEach(function (rule) {
    twice(rule.querySelector("[name=pin]"), rule.querySelector("[name=again]"), function (typed) {
      var pin = typed.replace(/[^0-9]/g, "");
      if (!typed || /[^0-9\s.-]/.test(typed)) return ""; // digits of another script: the server reads them
      return pin.length !== 6 ? rule.getAttribute("data-digits") : easy(pin) ? rule.getAttribute("data-easy") : "";
    }, rule.getAttribute("data-differ"));
  });

  // A password can be shown while it is typed. It is hidden again before it is
  // sent, so that the browser does not remember it as a text.
  document.querySelectorAll("input[data-show]").forEach(function (input) {
    var toggle = document.createElement("button");
    toggle.type = "button";
    toggle.className = "plain toggle";
    toggle.setAttribute("aria-controls", input.id);
    function show(shown) {
      input.type = shown ? "text" : "password";
      toggle.textContent = input.getAttribute(shown ? "data-hide" : "data-show");
    }
    show(false);
    toggle.addEventListener("click", function () { show(input.type === "password"); });
    if (input.form) input.form.addEventListener("submit", function () { show(false); });
    window.addEventListener("pagehide", function () { show(false); });
    input.insertAdjacentElement("afterend", toggle);
  });

  // A browser may keep a page that was left as it was, and show it on the way back
  // when it must not be seen any more: it is hidden, and asked for again.
  window.addEventListener("pagehide", function (event) {
    if (event.persisted) document.documentElement.hidden = true;
  });

  // Coming back with the back button finds forms that can be sent again.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      location.reload();
      return;
    }
    document.querySelectorAll("form[aria-busy]").forEach(function (form) { form.removeAttribute("aria-busy"); });
  });
})();
