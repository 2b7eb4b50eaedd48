// Reads key texts aloud, with a voice of the device itself. A voice that speaks
// through somebody else's server is not used: what it reads would go there. Without
// a voice for the language of a text there is no button.
(function () {
  "use strict";
  var speech = window.speechSynthesis, words = document.currentScript.dataset;
  if (!speech || !window.SpeechSynthesisUtterance) return;
  var speaking = null; // the button of what is being read

  function voiceFor(language) {
    var short = language.toLowerCase().split("-")[0];
    return speech.getVoices().find(function (voice) {
      return voice.localService && voice.lang.toLowerCase().split(/[-_]/)[0] === short;
    });
  }

  // What is hidden, secret or there to be pressed is not read.
  function textOf(element) {
    var copy = element.cloneNode(true);
    copy.querySelectorAll("button, .button, svg, input, .unseen, .words").forEach(function (part) { part.remove(); });
    copy.querySelectorAll("p, li, h2, legend, label, small, b, dt, dd, summary").forEach(function (part) { part.append(". "); });
    return copy.textContent.replace(/\s+/g, " ").replace(/([.!?:؟…])(\s*\.)+/g, "$1").trim();
  }

  function quiet() {
    speech.cancel();
    if (!speaking) return;
    speaking.setAttribute("aria-pressed", "false");
    speaking.lastChild.textContent = words.listen;
    speaking = null;
  }

  function read(button, element, voice) {
    quiet();
    speaking = button;
    button.setAttribute("aria-pressed", "true");
    button.lastChild.textContent = words.quiet;
    // Sentence by sentence: some browsers stop in the middle of a long text.
    var parts = textOf(element).match(/[^.!?؟:]+[.!?؟:]*/g) || [];
    parts.forEach(function (part, i) {
      var saying = new SpeechSynthesisUtterance(part);
      saying.voice = voice;
      saying.lang = voice.lang;
      saying.rate = 0.9;
      saying.onerror = quiet;
      if (i === parts.length - 1) saying.onend = function () { if (speaking === button) quiet(); };
      speech.speak(saying);
    });
  }

  function offer() {
    document.querySelectorAll("[data-aloud]").forEach(function (element) {
      if (element.dataset.aloud === "offered") return;
      var from = element.querySelector("[lang]") || element.closest("[lang]");
      var voice = voiceFor(from.lang);
      if (!voice) return;
      element.dataset.aloud = "offered";
      var button = document.createElement("button");
      button.type = "button";
      button.className = "listen";
      button.setAttribute("aria-pressed", "false");
      button.innerHTML = '<svg class="pictogram" aria-hidden="true" focusable="false"><use></use></svg><span></span>';
      button.querySelector("use").setAttribute("href", words.picture);
      button.lastChild.textContent = words.listen;
      button.addEventListener("click", function () {
        if (speaking === button) quiet(); else read(button, element, voice);
      });
      var title = element.firstElementChild; // of a fieldset, it has to stay the first
      if (title && title.localName === "legend") title.after(button); else element.prepend(button);
    });
  }

  offer(); // voices may be known only later
  if (speech.addEventListener) speech.addEventListener("voiceschanged", offer);
  window.addEventListener("pagehide", quiet); // nobody hears the page that was left
  document.addEventListener("submit", quiet);
})();
