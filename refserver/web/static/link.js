// Takes the code of a link out of the address, where it stands behind # and goes to nobody,
// into the form. Where the browser can record, a voice note is offered: what is recorded
// becomes the file of a form, and leaves the device when that is sent.
(function () {
  "use strict";
  var form = document.getElementById("link-code");

  function take() {
    var code = location.hash.slice(1);
    if (!form || code.length <= 20) return false;
    history.replaceState(null, "", location.pathname);
    form.elements.linkcode.value = code;
    form.submit();
    return true;
  }

  window.addEventListener("hashchange", take); // another link, in the same window
  if (take()) return;

  document.querySelectorAll("form[data-voice]").forEach(function (voice) {
    if (!window.MediaRecorder || !window.DataTransfer || !navigator.mediaDevices) return;
    var begin = voice.querySelector("[data-do=begin]"), end = voice.querySelector("[data-do=end]"), send = voice.querySelector("[data-do=send]");
    var says = voice.querySelector("[role=status]"), input = voice.querySelector("input[type=file]");
    var recorder, timer;
    voice.hidden = false;

    function show(recording, ready) {
      begin.hidden = recording;
      end.hidden = !recording;
      send.hidden = !ready;
    }

    begin.addEventListener("click", function () {
      navigator.mediaDevices.getUserMedia({ audio: true }).then(function (stream) {
        var pieces = [];
        recorder = new MediaRecorder(stream);
        recorder.addEventListener("dataavailable", function (e) { if (e.data.size) pieces.push(e.data); });
        recorder.addEventListener("stop", function () {
          clearTimeout(timer);
          stream.getTracks().forEach(function (track) { track.stop(); });
          var kind = (recorder.mimeType || "audio/webm").split(";")[0], files = new DataTransfer();
          files.items.add(new File(pieces, "voice." + kind.split("/")[1], { type: kind }));
          input.files = files.files;
          says.textContent = voice.getAttribute("data-ready");
          show(false, true);
          send.focus();
        });
        recorder.start();
        timer = setTimeout(function () { recorder.stop(); }, 300000);
        says.textContent = voice.getAttribute("data-recording");
        show(true, false);
        end.focus();
      }, function () { says.textContent = voice.getAttribute("data-denied"); });
    });
    end.addEventListener("click", function () { recorder.stop(); });
  });
})();
