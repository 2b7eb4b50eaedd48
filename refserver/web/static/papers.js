// Papers from a phone: the pages that were photographed stand in a row, can be turned,
// ordered, taken again and taken out, become smaller here, and one PDF if they are one
// paper. They are sent so that a lost network costs nothing: by tus, from where the
// server has them. Without this file the form works as it is.
//
// Nothing of a paper is kept in the browser. So that an upload goes on after the page
// was loaded anew, the tab remembers its id and eight bytes of a digest, until it is
// closed or somebody leaves.
(function () {
  "use strict";
  var form = document.querySelector("form.adding");
  var canvasToBlob = window.HTMLCanvasElement && HTMLCanvasElement.prototype.toBlob;
  if (!form || !window.fetch || !window.createImageBitmap || !canvasToBlob || !Blob.prototype.arrayBuffer) return;

  var LONG = 2000, QUALITY = 0.85, SHOWN = 240, STILL = 45000, KEY = "uploads";
  var CAMERA = /^(img|image|photo|picture|dscf?n?|pxl|mvimg|screenshot|scan|whatsapp image)?([-_ .()~0-9]|wa|at|am|pm|mp|hdr)*$/i; // as in photos.go
  var box = document.getElementById("phone"), list = box.querySelector("ol"), say = box.querySelector(".say");
  var bar = box.querySelector("progress"), card = document.getElementById("page-card").content.firstElementChild;
  var photo = form.elements.photo, file = form.elements.file, together = form.elements.pages, camera = form.elements.camera, large = form.elements.original;
  var button = form.querySelector("button.main"), words = box.dataset;
  var pages = [], retaking = null, busy = false, stopped = false, chose = false, xhr = null, wake = null, begun = [], count = 0;

  // Whether photos are one paper is asked beside them, where there are several.
  var beside = document.createElement("div");
  beside.className = "choice together";
  beside.appendChild(together.closest("label")).hidden = true;
  box.after(beside);
  form.dataset.phone = "1"; // pages.js leaves the sending to this file
  form.querySelectorAll("[data-phone-only]").forEach(function (e) { e.hidden = false; });
  form.querySelectorAll("[data-plain-only]").forEach(function (e) { e.hidden = true; });

  // ---- The pages that were chosen ----

  photo.addEventListener("change", function () { take(photo); });
  file.addEventListener("change", function () { take(file); });
  together.addEventListener("change", function () { chose = true; });

  function take(input) {
    var files = Array.prototype.slice.call(input.files);
    if (files.length && retaking) {
      retaking.file = files[0];
      retaking.turn = 0;
      draw(retaking);
      files = [];
    }
    retaking = null;
    files.forEach(function (f) { add(f, input === photo); });
    // Emptied, so that the same file can be chosen again, and the next photo taken.
    input.value = "";
    if (pages.length && say.textContent === words.none) say.textContent = ""; // it is chosen now
    suggest();
    number();
  }

  function add(f, taken) {
    var page = { file: f, taken: taken, turn: 0, card: card.cloneNode(true), picture: /^image\//.test(f.type) };
    page.card.addEventListener("click", function (event) {
      var pressed = event.target.closest("button");
      if (pressed && !busy) act(page, pressed.dataset.do, pressed);
    });
    pages.push(page);
    list.appendChild(page.card);
    draw(page);
  }

  function act(page, what, pressed) {
    var i = pages.indexOf(page);
    if (what === "turn") {
      page.turn = (page.turn + 90) % 360;
      draw(page);
    } else if (what === "again") {
      retaking = page;
      photo.click();
      return;
    } else if (what === "remove") {
      pages.splice(i, 1);
      page.card.remove();
      (pages.length ? pages[Math.min(i, pages.length - 1)].card.querySelector("button") : photo).focus();
    } else {
      var to = what === "up" ? i - 1 : i + 1;
      if (to < 0 || to >= pages.length) return;
      pages.splice(i, 1);
      pages.splice(to, 0, page);
      list.insertBefore(page.card, list.children[to + (to > i ? 1 : 0)] || null);
      pressed.focus();
    }
    number();
  }

  function number() {
    var pictures = pages.filter(function (p) { return p.picture; }).length;
    pages.forEach(function (page, i) {
      page.card.querySelector("b").textContent = words.page.replace("{n}", i + 1);
      page.card.querySelector("small").textContent = page.taken ? "" : page.file.name;
    });
    box.hidden = pages.length === 0;
    if (!chose) together.checked = pictures > 1;
    together.closest("label").hidden = pictures < 2;
    photo.required = false;
  }

  // draw shows a page in its card. What this browser cannot show is kept as it is.
  function draw(page) {
    if (!page.picture) return;
    page.shown = paint(page.file, page.turn, SHOWN).then(function (canvas) {
      canvas.setAttribute("aria-hidden", "true");
      page.card.querySelector(".sight").replaceChildren(canvas);
    }).catch(function () {
      page.picture = false;
      page.card.querySelector("small").textContent = words.cannot;
      number();
    });
  }

  function paint(source, turn, long) {
    return createImageBitmap(source).then(function (m) {
      var scale = Math.min(1, long / Math.max(m.width, m.height)), w = Math.max(1, Math.round(m.width * scale)), h = Math.max(1, Math.round(m.height * scale));
      var canvas = document.createElement("canvas"), lying = turn % 180 !== 0, to = canvas.getContext("2d");
      canvas.width = lying ? h : w;
      canvas.height = lying ? w : h;
      to.fillStyle = "#fff";
      to.fillRect(0, 0, canvas.width, canvas.height);
      to.translate(canvas.width / 2, canvas.height / 2);
      to.rotate(turn * Math.PI / 180);
      to.drawImage(m, -w / 2, -h / 2, w, h);
      if (m.close) m.close();
      return canvas;
    });
  }

  function coded(canvas, quality) {
    return new Promise(function (done, failed) {
      canvas.toBlob(function (blob) {
        var size = { blob: blob, width: canvas.width, height: canvas.height, orientation: 1, gray: false };
        canvas.width = canvas.height = 0; // a phone has little memory
        if (blob) done(size); else failed(new Error("canvas"));
      }, "image/jpeg", quality);
    });
  }

  // ---- A name and a folder, as a suggestion ----

  form.elements.title.addEventListener("focus", function () { // typing takes its place
    if (this.value === this.dataset.suggested) this.select();
  });

  function suggest() {
    var first = pages[0], title = form.elements.title, folder = form.elements.folder;
    if (!first) return;
    var name = first.taken ? "" : first.file.name.replace(/\.[^.]*$/, "").trim();
    if (CAMERA.test(name)) name = "";
    if (!title.value || title.value === title.dataset.suggested) title.value = title.dataset.suggested = (name || words.today).slice(0, 190);
    if (!folder || folder.value && folder.value !== folder.dataset.suggested) return;
    var plain = plainly(name);
    words.folders.split(";").some(function (line) {
      var parts = line.split(":"), target = Array.prototype.find.call(folder.options, function (o) { return o.value && plainly(o.value) === plainly(parts[0]); });
      var fits = target && (parts[1] || "").trim().split(/\s+/).some(function (word) { return word && (" " + plain + " ").indexOf(" " + plainly(word) + " ") >= 0; });
      if (fits) folder.value = folder.dataset.suggested = target.value;
      return fits;
    });
  }

  function plainly(text) {
    return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  }

  // ---- Photos as they are: what is needed of a JPEG, and what a camera wrote ----

  // jpeg reads the parts of a JPEG up to its pixels (ITU-T T.81, annex B). cleaned are
  // those without EXIF, XMP, IPTC and comments.
  function jpeg(bytes) {
    var v = new DataView(bytes), at = 2, kept = [], found = { width: 0, height: 0, orientation: 1, gray: false };
    if (bytes.byteLength < 4 || v.getUint16(0) !== 0xFFD8) return null;
    for (;;) {
      if (at + 4 > bytes.byteLength || v.getUint8(at) !== 0xFF) return null;
      var marker = v.getUint8(at + 1), n = v.getUint16(at + 2) + 2;
      if (marker === 0xFF) { at++; continue; }
      if (n < 4 || at + n > bytes.byteLength) return null;
      if (marker >= 0xC0 && marker <= 0xCF && marker !== 0xC4 && marker !== 0xC8 && marker !== 0xCC) {
        found.height = v.getUint16(at + 5);
        found.width = v.getUint16(at + 7);
        found.gray = v.getUint8(at + 9) === 1;
        if (v.getUint8(at + 9) > 3) return null; // four colours: the canvas makes three
      }
      if (marker === 0xE1 && v.getUint32(at + 4) === 0x45786966) {
        found.orientation = orientation(new DataView(bytes, at + 10, n - 10)) || found.orientation;
      }
      var needed = marker >= 0xC0 && marker <= 0xDD && marker !== 0xC8 || marker === 0xE0 || marker === 0xE2 && v.getUint32(at + 4) === 0x4943435F || marker === 0xEE;
      if (needed) kept.push(bytes.slice(at, at + n));
      at += n;
      if (marker === 0xDA) break;
    }
    var end = endOf(new Uint8Array(bytes), at);
    if (!found.width || !found.height || end < 0) return null;
    found.cleaned = function (turned) {
      var exif = new Uint8Array([0xFF, 0xE1, 0, 34, 69, 120, 105, 102, 0, 0, 77, 77, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0, 0, 0, 0, 0]);
      return new Blob([new Uint8Array([0xFF, 0xD8]), turned > 1 ? exif : ""].concat(kept, [bytes.slice(at, end)]), { type: "image/jpeg" });
    };
    return found;
  }

  // endOf finds the end of the picture: a second one behind it, with a place of its own,
  // is left out. A progressive JPEG has tables between its pixels.
  function endOf(b, at) {
    for (; at + 1 < b.length; at++) {
      if (b[at] !== 0xFF) continue;
      if (b[at + 1] === 0xD9) return at + 2;
      if (b[at + 1] >= 0xE0 && b[at + 1] <= 0xEF || b[at + 1] === 0xFE) return -1; // something written between
    }
    return -1;
  }

  function orientation(v) {
    if (v.byteLength < 8) return 0;
    var little = v.getUint16(0) === 0x4949, at = v.getUint32(4, little);
    if (at + 2 > v.byteLength) return 0;
    for (var n = v.getUint16(at, little), i = at + 2; n > 0 && i + 12 <= v.byteLength; n--, i += 12) {
      if (v.getUint16(i, little) === 0x112) return Math.max(1, Math.min(8, v.getUint16(i + 8, little)));
    }
    return 0;
  }

  // turned adds quarter turns to an orientation of EXIF.
  function turned(o, by) {
    var ring = [2, 4, 5, 7].indexOf(o) < 0 ? [1, 6, 3, 8] : [2, 7, 4, 5];
    return ring[(ring.indexOf(o) + by / 90) % 4];
  }

  // made is a page as it is sent: small and clean or, if the person says so, as it is.
  function made(page, one) {
    if (camera.checked && !one && !page.turn) return Promise.resolve({ blob: page.file });
    if (!camera.checked && !large.checked) return paint(page.file, page.turn, LONG).then(function (c) { return coded(c, QUALITY); });
    return page.file.arrayBuffer().then(function (bytes) {
      var as = jpeg(bytes);
      if (!as || camera.checked && !one) return paint(page.file, page.turn, Infinity).then(function (c) { return coded(c, 0.92); });
      as.orientation = turned(as.orientation, page.turn);
      as.blob = camera.checked ? page.file : as.cleaned(as.orientation);
      return as;
    });
  }

  // ---- Several pages as one PDF (ISO 32000-1), each A4, each JPEG as it is ----

  var TURNS = [0, 0, 0, 180, 180, 270, 90, 90, 270];

  function pdf(all) {
    var parts = [], at = 0, objects = [0, 0];
    function put(x) { parts.push(x); at += x.size === undefined ? x.length : x.size; }
    function object(text) { objects.push(at); put(objects.length + " 0 obj\n" + text); return objects.length; }
    put("%PDF-1.4\n");
    var kids = all.map(function (p) {
      var wide = p.width > p.height, W = wide ? 841.89 : 595.28, H = wide ? 595.28 : 841.89, edge = 14.17;
      var s = Math.min((W - 2 * edge) / p.width, (H - 2 * edge) / p.height), w = s * p.width, h = s * p.height, x = (W - w) / 2, y = (H - h) / 2;
      var mirrored = [2, 4, 5, 7].indexOf(p.orientation) >= 0;
      var matrix = "q " + [mirrored ? -w : w, 0, 0, h, mirrored ? x + w : x, y].map(function (n) { return n.toFixed(2); }).join(" ") + " cm /P Do Q";
      var picture = object("<</Type/XObject/Subtype/Image/Width " + p.width + "/Height " + p.height + "/ColorSpace/Device" + (p.gray ? "Gray" : "RGB") + "/BitsPerComponent 8/Filter/DCTDecode/Length " + p.blob.size + ">>\nstream\n");
      put(p.blob);
      put("\nendstream\nendobj\n");
      var content = object("<</Length " + matrix.length + ">>\nstream\n" + matrix + "\nendstream\nendobj\n");
      return object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 " + W + " " + H + "]/Rotate " + TURNS[p.orientation] + "/Contents " + content + " 0 R/Resources<</XObject<</P " + picture + " 0 R>>>>>>\nendobj\n") + " 0 R";
    });
    objects[0] = at;
    put("1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    objects[1] = at;
    put("2 0 obj\n<</Type/Pages/Count " + kids.length + "/Kids[" + kids.join(" ") + "]>>\nendobj\n");
    var table = at;
    put("xref\n0 " + (objects.length + 1) + "\n0000000000 65535 f \n" + objects.map(function (o) { return String(o).padStart(10, "0") + " 00000 n \n"; }).join(""));
    put("trailer\n<</Size " + (objects.length + 1) + "/Root 1 0 R>>\nstartxref\n" + table + "\n%%EOF\n");
    return new Blob(parts, { type: "application/pdf" });
  }

  // papers are what is sent: one page after the other, so that a phone's memory suffices.
  function papers() {
    var pictures = pages.filter(function (p) { return p.picture; }), others = pages.filter(function (p) { return !p.picture; });
    var one = together.checked && pictures.length > 1, done = [];
    return pictures.reduce(function (before, page) {
      return before.then(function () { return made(page, one); }).then(function (m) { done.push(m); });
    }, Promise.resolve()).then(function () {
      var all = one ? [{ blob: pdf(done), type: "application/pdf", name: pictures[0].taken ? "" : pictures[0].file.name }] :
        done.map(function (m, i) { return { blob: m.blob, type: m.blob.type, name: pictures[i].taken ? "" : pictures[i].file.name }; });
      return all.concat(others.map(function (p) { return { blob: p.file, type: p.file.type, name: p.file.name }; }));
    });
  }

  // ---- Sending ----

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (busy) return;
    if (!pages.length) return tell(words.none);
    busy = true;
    stopped = false;
    begun = [];
    form.setAttribute("aria-busy", "true");
    box.querySelector(".trouble").hidden = true;
    box.querySelector(".sending").hidden = false;
    progress(0, 1);
    tell(words.reading);
    box.scrollIntoView({ block: "center" });
    Promise.all(pages.map(function (p) { return p.shown; })).then(papers).then(function (all) {
      return words.begin ? sendAll(all) : sendForm(all);
    }).catch(failed);
  });

  function failed(error) {
    // What was begun goes on when it is tried again, unless that has no sense.
    if (stopped || error && error.full) begun.forEach(function (u) { end(u.id); });
    busy = false;
    form.removeAttribute("aria-busy");
    box.querySelector(".sending").hidden = true;
    tell(stopped ? words.stopped : error && error.sentence || words.failed);
    box.querySelector(".trouble").hidden = !(error && error.full);
    say.scrollIntoView({ block: "center" });
  }

  function tell(text) {
    box.hidden = false;
    if (say.textContent !== text) say.textContent = text;
  }

  var told = 0;
  function progress(sent, of) {
    var percent = Math.min(99, Math.floor(100 * sent / of));
    bar.value = percent;
    bar.setAttribute("aria-valuetext", percent + " %");
    box.querySelector(".percent").textContent = percent + " %";
    if (percent < told || percent >= told + 10) { // a voice need not say each
      told = percent - percent % 10;
      if (sent > 0) tell(words.sent.replace("{n}", told));
    }
  }

  // sendAll begins every paper, which sets its space aside, before a byte is sent.
  function sendAll(all) {
    var total = all.reduce(function (n, p) { return n + p.blob.size; }, 0), before = 0, ids = [], done = "added";
    return all.reduce(function (prior, paper, i) {
      return prior.then(function () { return begin(paper, i); }).then(function (u) { begun.push(u); });
    }, Promise.resolve()).then(function () {
      return begun.reduce(function (prior, u) {
        return prior.then(function () { return put(u, function (sent) { progress(before + sent, total); }); }).then(function (id) {
          ids.push(id);
          before += u.paper.blob.size;
        });
      }, Promise.resolve());
    }).then(function () {
      begun.forEach(function (u) { if (u.unlike && done !== "added-unlike") done = u.unlike; });
      begun = [];
      remember(remembered().filter(function (u) { return ids.indexOf(u.id) < 0; }));
      remembered().forEach(function (old) { end(old.id); }); // of this tab, begun and never gone on with
      remember([]);
      tell(words.finishing);
      return Promise.race([fetch("/papers/small", { method: "POST", body: new URLSearchParams({ make: ids.slice(0, 3).join(" ") }) }), wait(8000)]).catch(function () {});
    }).then(function () {
      location.assign((ids.length === 1 ? "/papers/" + ids[0] : "/papers") + "?done=" + done);
    });
  }

  function begin(paper, nth) {
    var fields = new URLSearchParams();
    ["space", "title", "folder", "visibility", "issued", "expires"].forEach(function (name) {
      var field = form.elements[name];
      if (field) fields.set(name, field.value);
    });
    fields.set("size", paper.blob.size);
    fields.set("type", paper.type);
    fields.set("file", paper.name);
    fields.set("nth", nth);
    return checkOf(paper.blob, fields.toString()).then(function (check) {
      var old = remembered().filter(function (u) { return check && u.check === check; })[0];
      return (old ? state(old.id) : Promise.resolve(null)).then(function (at) {
        if (at) return { id: old.id, paper: paper, at: at.at, document: at.document };
        return paper.blob.slice(0, 3072).arrayBuffer().then(function (head) {
          fields.set("head", btoa(String.fromCharCode.apply(null, new Uint8Array(head))));
          fields.set("form", form.elements.form.value + "-" + count++);
          return beginNow(fields);
        }).then(function (said) {
          if (check) remember(remembered().concat({ id: said.upload, check: check }));
          return { id: said.upload, unlike: said.unlike ? "added-unlike" : said.unshown ? "added-unshown" : "", paper: paper, at: 0 };
        });
      });
    });
  }

  function beginNow(fields) {
    return fetch(words.begin, { method: "POST", body: fields, redirect: "manual" }).then(function (answer) {
      if (answer.type === "opaqueredirect") throw { sentence: words.ended };
      return answer.json().then(function (said) {
        if (answer.ok) return said;
        throw { sentence: said.problem, full: said.full };
      });
    }, function () { // not there: again, when it is
      return patience(words.cut).then(function () { return beginNow(fields); });
    });
  }

  // state asks how far an upload is; null: it is over, or another's.
  function state(id) {
    return fetch("/api/v1/uploads/" + id, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" }, cache: "no-store" }).then(function (answer) {
      if (answer.ok) return { at: Number(answer.headers.get("Upload-Offset")), document: answer.headers.get("Document-Item") };
      if (answer.status >= 500 || answer.status === 429) throw new Error("later");
      if (answer.status === 401 || answer.status === 423) throw { sentence: words.ended };
      return null;
    });
  }

  function end(id) {
    fetch("/api/v1/uploads/" + id, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } }).catch(function () {});
    remember(remembered().filter(function (u) { return u.id !== id; }));
  }

  // put sends what is missing, again and again, from where the server has it.
  function put(u, moved) {
    if (stopped) return Promise.reject(new Error("stopped"));
    if (u.document) return Promise.resolve(u.document);
    return patch(u, moved).then(function (id) {
      if (id) return id;
      tries = 0;
      return put(u, moved);
    }, function (error) {
      if (stopped || error.sentence) throw error;
      return patience(words.cut).then(function ask() {
        return state(u.id).catch(function (e) {
          if (stopped || e.sentence) throw e;
          return patience(words.cut).then(ask);
        });
      }).then(function (at) {
        if (!at) throw { sentence: words.failed };
        u.at = at.at;
        u.document = at.document;
        moved(u.at);
        return put(u, moved);
      });
    });
  }

  function patch(u, moved) {
    return new Promise(function (done, broke) {
      var still;
      function watch() {
        clearTimeout(still);
        still = setTimeout(function () { xhr.abort(); }, STILL); // a network that is there and carries nothing
      }
      xhr = new XMLHttpRequest();
      xhr.open("PATCH", "/api/v1/uploads/" + u.id);
      xhr.setRequestHeader("Tus-Resumable", "1.0.0");
      xhr.setRequestHeader("Upload-Offset", u.at);
      xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
      xhr.upload.onprogress = function (event) { watch(); tries = 0; moved(u.at + event.loaded); };
      xhr.onload = function () {
        clearTimeout(still);
        if (xhr.status === 204) {
          u.at = Number(xhr.getResponseHeader("Upload-Offset"));
          return done(xhr.getResponseHeader("Document-Item"));
        }
        var said = {};
        try { said = JSON.parse(xhr.responseText); } catch (e) { /* a proxy's page */ }
        if (xhr.status >= 500 || [400, 408, 409, 429].indexOf(xhr.status) >= 0) return broke(new Error("later"));
        broke({ sentence: xhr.status === 401 || xhr.status === 423 ? words.ended : said.detail || said.title || words.failed });
      };
      xhr.onerror = xhr.onabort = function () { clearTimeout(still); broke(new Error("cut")); };
      watch();
      xhr.send(u.paper.blob.slice(u.at));
    });
  }

  // ---- A paper that is left for somebody waits in their inbox: it goes as the form does,
  // in one piece, again if the network breaks; the form's name keeps it from being there twice.

  function sendForm(all) {
    var data = new FormData(form);
    ["photo", "file", "pages", "camera", "original"].forEach(function (name) { data.delete(name); });
    data.set("camera", "1"); // it is clean already, or is to stay as it is
    all.forEach(function (p) { data.append("file", p.blob, p.name || "photo.jpg"); });
    return new Promise(function (done, broke) {
      xhr = new XMLHttpRequest();
      xhr.open("POST", form.action);
      xhr.upload.onprogress = function (event) { tries = 0; progress(event.loaded, event.total); };
      xhr.onload = function () {
        if (xhr.status === 200) return done(location.assign(xhr.responseURL));
        var said = new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector(".error, .problem");
        broke({ sentence: said ? said.textContent.trim() : words.failed });
      };
      xhr.onerror = xhr.onabort = function () { broke(new Error("cut")); };
      xhr.send(data);
    }).catch(function (error) {
      if (stopped || error.sentence) throw error;
      return patience(words.cut).then(function () { return sendForm(all); });
    });
  }

  // ---- Waiting for the network ----

  var tries = 0;
  function patience(text) {
    if (stopped) return Promise.reject(new Error("stopped"));
    tell(text);
    told = -10;
    box.querySelector("[data-do=now]").hidden = false;
    return Promise.race([wait(Math.min(15000, 500 * Math.pow(2, tries++))), new Promise(function (now) { wake = now; })]).then(function () {
      box.querySelector("[data-do=now]").hidden = true;
      if (stopped) throw new Error("stopped");
    });
  }
  function wait(ms) { return new Promise(function (done) { setTimeout(done, ms); }); }
  window.addEventListener("online", function () { if (wake) wake(); });

  box.addEventListener("click", function (event) {
    var pressed = event.target.closest("[data-do]");
    if (!pressed) return;
    if (pressed.dataset.do === "now" && wake) wake();
    if (pressed.dataset.do === "stop") {
      stopped = true;
      if (xhr) xhr.abort();
      if (wake) wake();
    }
    if (pressed.dataset.do === "ask") {
      pressed.disabled = true;
      fetch("/space", { method: "POST", body: new URLSearchParams({ reason: words.reason, form: form.elements.form.value + "-space" }) }).then(function (answer) {
        if (!answer.ok) throw new Error("space");
        tell(words.asked);
      }).catch(function () { tell(words.failed); }).then(function () { pressed.disabled = false; });
    }
  });

  // ---- What the tab remembers ----

  function remembered() {
    try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch (e) { return []; }
  }
  function remember(all) {
    try { sessionStorage.setItem(KEY, JSON.stringify(all)); } catch (e) { /* then it begins anew */ }
  }

  // checkOf tells whether a paper and what is said of it are the same as before. Of a long
  // one it looks at the beginning, the middle and the end.
  function checkOf(blob, fields) {
    if (!window.crypto || !crypto.subtle) return Promise.resolve("");
    var some = blob, n = 4 << 20;
    if (blob.size > 4 * n) some = new Blob([blob.slice(0, n), blob.slice(blob.size / 2, blob.size / 2 + n), blob.slice(-n)]);
    return new Blob([fields, "\n", String(blob.lastModified || ""), "\n", some]).arrayBuffer()
      .then(function (bytes) { return crypto.subtle.digest("SHA-256", bytes); })
      .then(function (digest) {
        return Array.prototype.map.call(new Uint8Array(digest, 0, 8), function (b) { return b.toString(16).padStart(2, "0"); }).join("");
      });
  }

  // What was chosen before this file was there, on a slow network, counts as well.
  [photo, file].forEach(function (input) { if (input.files.length) take(input); });
})();
