// A file that is brought is sent so that a lost network costs nothing: by tus, from where
// the server has it. Without this file the form works as it is. The tab remembers the id of
// the upload, until it is closed or somebody leaves.
(function () {
  "use strict";
  var form = document.querySelector('form[action="/bring"]'), box = document.getElementById("bringing");
  if (!form || !box || !window.fetch || !Blob.prototype.slice) return;
  var words = box.dataset, bar = box.querySelector("progress"), say = box.querySelector("[role=status]"), busy = false, tries = 0, KEY = "bringing", STILL = 45000;
  form.dataset.phone = "1"; // pages.js leaves the sending to this file

  form.addEventListener("submit", function (event) {
    var file = form.elements.file.files[0];
    if (!file || !file.size) return; // the server says what is wrong
    event.preventDefault();
    if (busy) return;
    busy = true;
    box.hidden = false;
    tell(words.sending);
    start(file).then(function (u) { return put(u, file); }).then(function (id) {
      forget();
      location.assign("/bring/" + id);
    }, function (error) {
      forget();
      busy = false;
      tell(error.sentence || words.failed);
    });
  });

  function tell(text) { say.textContent = text; }
  function mark(file) { return [form.elements.space.value, file.name, file.size, file.lastModified].join("|"); }
  function forget() { try { sessionStorage.removeItem(KEY); } catch (e) { /* nothing is kept */ } }

  // start goes on with an upload of before, or begins one.
  function start(file) {
    var old = null;
    try { old = JSON.parse(sessionStorage.getItem(KEY)); } catch (e) { /* it begins anew */ }
    return (old && old.mark === mark(file) ? state(old.id) : Promise.resolve(null)).then(function (u) {
      return u || begin(file);
    });
  }

  function begin(file) {
    var fields = new URLSearchParams({ form: form.elements.form.value + "-" + Date.now(), space: form.elements.space.value, file: file.name, size: file.size });
    return fetch("/bring/begin", { method: "POST", body: fields, redirect: "manual" }).then(function (answer) {
      if (answer.type === "opaqueredirect") throw { sentence: words.ended };
      return answer.json().then(function (said) {
        if (!answer.ok) throw { sentence: said.problem };
        try { sessionStorage.setItem(KEY, JSON.stringify({ id: said.upload, mark: mark(file) })); } catch (e) { /* then it begins anew */ }
        return { id: said.upload, at: 0 };
      });
    }, function () { return later().then(function () { return begin(file); }); });
  }

  // state asks how far an upload is; null: it is over.
  function state(id) {
    return fetch("/api/v1/uploads/" + id, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" }, cache: "no-store" }).then(function (answer) {
      if (answer.ok) return { id: id, at: Number(answer.headers.get("Upload-Offset")), document: answer.headers.get("Document-Item") };
      if (answer.status === 401 || answer.status === 423) throw { sentence: words.ended };
      if (answer.status >= 500 || answer.status === 429) throw new Error("later");
      return null;
    }).catch(function (error) {
      if (error.sentence) throw error;
      return later().then(function () { return state(id); });
    });
  }

  function put(u, file) {
    if (u.document) return Promise.resolve(u.document);
    return patch(u, file).then(function (document) {
      tries = 0;
      return document || put(u, file);
    }, function (error) {
      if (error.sentence) throw error;
      return later().then(function () { return state(u.id); }).then(function (now) {
        if (!now) throw { sentence: words.failed };
        return put(now, file);
      });
    });
  }

  function patch(u, file) {
    return new Promise(function (done, broke) {
      var xhr = new XMLHttpRequest(), still;
      function watch() { clearTimeout(still); still = setTimeout(function () { xhr.abort(); }, STILL); }
      xhr.open("PATCH", "/api/v1/uploads/" + u.id);
      xhr.setRequestHeader("Tus-Resumable", "1.0.0");
      xhr.setRequestHeader("Upload-Offset", u.at);
      xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
      xhr.upload.onprogress = function (event) { watch(); bar.value = 100 * (u.at + event.loaded) / file.size; };
      xhr.onload = function () {
        clearTimeout(still);
        if (xhr.status === 204) {
          u.at = Number(xhr.getResponseHeader("Upload-Offset"));
          return done(xhr.getResponseHeader("Document-Item"));
        }
        if (xhr.status >= 500 || [400, 408, 409, 429].indexOf(xhr.status) >= 0) return broke(new Error("later"));
        var said = {};
        try { said = JSON.parse(xhr.responseText); } catch (e) { /* a proxy's page */ }
        broke({ sentence: xhr.status === 401 || xhr.status === 423 ? words.ended : said.title || words.failed });
      };
      xhr.onerror = xhr.onabort = function () { clearTimeout(still); broke(new Error("cut")); };
      watch();
      xhr.send(file.slice(u.at));
    });
  }

  function later() {
    tell(words.cut);
    return new Promise(function (go) { setTimeout(go, Math.min(15000, 500 * Math.pow(2, tries++))); }).then(function () { tell(words.sending); });
  }
})();
