// Reads a code that is printed or shown as a QR code, from the camera or from a photo,
// into the field beside. What is read stays on this device until the form is sent; a
// code can always be typed.
(function () {
  "use strict";
  var decoder = document.currentScript.getAttribute("data-decoder");
  var largest = 1600; // pixels of the longer side of a photo that is looked at
  var loading;

  // own loads our decoder the first time that one is needed.
  function own() {
    if (!loading) {
      loading = new Promise(function (done, failed) {
        var script = document.createElement("script");
        script.src = decoder;
        script.onload = function () { done(function (canvas) { return Promise.resolve(window.readQR(pixels(canvas)) || ""); }); };
        script.onerror = function () { loading = null; failed(); };
        document.head.appendChild(script);
      });
    }
    return loading;
  }

  function pixels(canvas) { return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height); }

  // reader is the browser's own, where it has one that reads QR codes.
  function reader() {
    if (!window.BarcodeDetector) return own();
    return window.BarcodeDetector.getSupportedFormats().then(function (formats) {
      if (formats.indexOf("qr_code") < 0) return own();
      var theirs = new window.BarcodeDetector({ formats: ["qr_code"] });
      return function (canvas) {
        return theirs.detect(canvas).then(function (found) { return found.length ? found[0].rawValue : ""; });
      };
    }).catch(own);
  }

  function draw(source, width, height, most) {
    var by = Math.min(1, most / Math.max(width, height));
    var canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * by));
    canvas.height = Math.max(1, Math.round(height * by));
    var pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(source, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  document.querySelectorAll("[data-scan]").forEach(function (place) {
    var field = document.getElementById(place.getAttribute("data-scan"));
    if (!field) return;
    function word(name) { return place.getAttribute("data-" + name); }
    var says = document.createElement("p");
    says.setAttribute("role", "status");
    says.hidden = true;
    function say(text) { says.textContent = text; says.hidden = !text; }
    function found(text) {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      say(word("found"));
      var wrong = field.closest(".field.wrong");
      if (wrong) wrong.querySelectorAll(".error").forEach(function (over) { over.remove(); }); // it was said of what stood there before
      var next = field.form && Array.prototype.filter.call(field.form.elements, function (e) {
        return !e.value && e.required && e.offsetParent;
      })[0];
      (next || field).focus();
    }

    var row = document.createElement("p");
    row.className = "actions";
    if (navigator.mediaDevices && navigator.mediaDevices.getUserMedia) row.appendChild(camera());
    row.appendChild(photo());
    place.appendChild(row);
    place.appendChild(says);

    function photo() {
      var label = document.createElement("label"), input = document.createElement("input");
      label.className = "button";
      label.textContent = word("photo");
      input.type = "file";
      input.accept = "image/*";
      input.className = "unseen";
      label.appendChild(input);
      input.addEventListener("change", function () {
        var file = input.files[0];
        if (!file) return;
        say("…");
        Promise.all([reader(), window.createImageBitmap(file)]).then(function (both) {
          var read = both[0], m = both[1];
          // A code far away needs all the pixels, one that is near fewer.
          return read(draw(m, m.width, m.height, largest)).then(function (text) {
            return text || read(draw(m, m.width, m.height, largest / 3));
          });
        }).then(function (text) { if (text) found(text); else say(word("nothing")); })
          .catch(function () { say(word("nothing")); })
          .then(function () { input.value = ""; });
      });
      return label;
    }

    function camera() {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = word("camera");
      var stream = null, video = null, turn = 0;
      function stop() {
        turn++;
        if (stream) stream.getTracks().forEach(function (track) { track.stop(); });
        if (video) video.remove();
        stream = video = null;
        button.textContent = word("camera");
      }
      window.addEventListener("pagehide", stop);
      button.addEventListener("click", function () {
        if (stream) { stop(); say(""); return; }
        say("");
        var mine = ++turn;
        Promise.all([reader(), navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } })]).then(function (both) {
          if (mine !== turn) { both[1].getTracks().forEach(function (track) { track.stop(); }); return; }
          stream = both[1];
          button.textContent = word("stop");
          video = document.createElement("video");
          video.className = "picture";
          video.muted = true;
          video.setAttribute("playsinline", "");
          video.srcObject = stream;
          row.insertAdjacentElement("afterend", video);
          say(word("hold"));
          return video.play().then(function look() {
            if (mine !== turn) return;
            if (!video.videoWidth) { setTimeout(look, 200); return; }
            return both[0](draw(video, video.videoWidth, video.videoHeight, 800)).catch(function () { return ""; }).then(function (text) {
              if (mine !== turn) return;
              if (text) { stop(); found(text); return; }
              setTimeout(look, 200);
            });
          });
        }).catch(function () {
          if (mine === turn) { stop(); say(word("denied")); }
        });
      });
      return button;
    }
  });
})();
