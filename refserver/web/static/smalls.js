// Small pictures in lists of papers: those in sight are asked for together, and painted
// in the place of the icon. Where there is none, the icon stays.
(function () {
  "use strict";
  if (!window.fetch || !window.createImageBitmap || !window.IntersectionObserver) return;
  var waiting = [], asking = false, most = 12, makes = 3;

  var seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (!entry.isIntersecting) return;
      seen.unobserve(entry.target);
      waiting.push(entry.target);
    });
    ask();
  }, { rootMargin: "100px" });

  document.querySelectorAll("[data-smalls]").forEach(function (list) {
    list.querySelectorAll("[data-small]").forEach(function (place) {
      var how = place.dataset.small;
      if (how === "have" || how === "make" && list.dataset.smalls === "make") seen.observe(place);
    });
  });

  function take(how, n) {
    var taken = waiting.filter(function (place) { return place.dataset.small === how; }).slice(0, n);
    waiting = waiting.filter(function (place) { return taken.indexOf(place) < 0; });
    return taken;
  }

  function ask() {
    if (asking || waiting.length === 0) return;
    // First what is there, which comes at once.
    var have = take("have", most), make = have.length ? [] : take("make", makes), places = {};
    have.concat(make).forEach(function (place) { places[place.dataset.paper] = place; });
    function ids(list) { return list.map(function (place) { return place.dataset.paper; }).join(" "); }
    asking = true;
    fetch("/papers/small", { method: "POST", body: new URLSearchParams({ have: ids(have), make: ids(make) }) })
      .then(function (answer) { return answer.ok ? answer.arrayBuffer() : new ArrayBuffer(0); })
      .then(function (bytes) { read(bytes, places); })
      .catch(function () { waiting = []; })
      .then(function () { asking = false; ask(); });
  }

  // For each paper: its id of 26 letters, four bytes of length, and a JPEG.
  function read(bytes, places) {
    var view = new DataView(bytes), at = 0;
    while (at + 30 <= bytes.byteLength) {
      var id = String.fromCharCode.apply(null, new Uint8Array(bytes, at, 26)), n = view.getUint32(at + 26);
      if (n > 0 && places[id]) paint(places[id], new Blob([new Uint8Array(bytes, at + 30, n)], { type: "image/jpeg" }));
      at += 30 + n;
    }
  }

  function paint(place, blob) {
    createImageBitmap(blob).then(function (picture) {
      var canvas = document.createElement("canvas");
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.setAttribute("aria-hidden", "true");
      canvas.getContext("2d").drawImage(picture, 0, 0);
      place.replaceChildren(canvas);
    }).catch(function () {});
  }
})();
