// Takes the code of a link out of the address, where it stands behind # and goes to nobody,
// into the form. Where the browser can record, a voice note is offered: what is recorded
// becomes the file of a form, and leaves the device when that is sent. Each form of the page is
// sent by itself: whoever filled in another one, too, is asked whether both are left, with
// other buttons than the one that they pressed: a second tap on that one loses nothing.
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

  function filled(other) {
    return Array.prototype.some.call(other.elements, function (field) {
      return field.type === "file" ? field.files.length > 0 : field.type === "textarea" && field.value.trim() !== "";
    });
  }

  document.addEventListener("submit", function (event) {
    var pressed = event.target, says = pressed.getAttribute("data-also");
    if (!says || pressed.dataset.alone) return;
    var others = Array.prototype.filter.call(document.querySelectorAll("form[data-also]"), function (other) { return other !== pressed && filled(other); });
    if (!others.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (pressed.dataset.told) return;
    pressed.dataset.told = "yes";
    var told = document.createElement("p"), row = document.createElement("p"), words = document.getElementById("also");
    told.className = "problem";
    told.setAttribute("role", "alert");
    told.textContent = says;
    row.className = "actions";
    row.append(button("both", "main", function () { both(pressed, told, row); }), button("alone", "plain", function () { last(pressed); }));
    pressed.append(told, row);

    function button(name, look, press) {
      var b = document.createElement("button");
      b.type = "button";
      b.className = look;
      b.dataset.do = name;
      b.textContent = words.getAttribute("data-" + name);
      b.addEventListener("click", press);
      return b;
    }
  }, true);

  function last(pressed) {
    pressed.dataset.alone = "yes";
    if (pressed.requestSubmit) pressed.requestSubmit(); else pressed.submit();
  }

  // both leaves what the other forms hold, and then what was pressed. What is not taken stays.
  function both(pressed, told, row) {
    var all = Array.prototype.filter.call(document.querySelectorAll("form[data-also]"), function (other) { return other !== pressed && filled(other); });
    if (!all.concat(pressed).every(function (one) { return one.reportValidity(); })) return;
    row.hidden = true;
    all.reduce(function (before, other) {
      return before.then(function () {
        var body = new FormData(other);
        return fetch(other.action, { method: "POST", redirect: "manual", body: other.enctype === "multipart/form-data" ? body : new URLSearchParams(body) });
      }).then(function (answer) {
        if (!answer.ok && answer.type !== "opaqueredirect") throw new Error("not taken");
        other.reset();
        pressed.elements.also.value = "1";
      });
    }, Promise.resolve()).then(function () { last(pressed); }, function () {
      told.textContent = document.getElementById("also").getAttribute("data-failed");
      row.hidden = false;
    });
  }

  // A paper opens beside this page, which then asks how often it can still be opened.
  document.querySelectorAll("form[data-counted]").forEach(function (open) {
    open.addEventListener("submit", function () {
      setTimeout(function () {
        form.elements.linkcode.value = open.elements.linkcode.value;
        form.submit();
      }, 4000);
    });
  });

  document.querySelectorAll("form[data-voice]").forEach(function (voice) {
    if (!window.MediaRecorder || !window.DataTransfer || !navigator.mediaDevices) return;
    var begin = voice.querySelector("[data-do=begin]"), end = voice.querySelector("[data-do=end]"), send = voice.querySelector("[data-do=send]");
    var says = voice.querySelector("[role=status]"), input = voice.querySelector("input[type=file]"), hear = voice.querySelector("audio");
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
          hear.src = URL.createObjectURL(files.files[0]);
          hear.hidden = false;
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
