// Files that are brought are sent one after the other, so that a lost network costs nothing:
// by tus, from where the server has them, and photos, which are small, once more. Without
// this file the form works as it is. The tab remembers the ids of what was sent, until it is
// closed or somebody leaves.
(function () {
  "use strict";
  var form = document.querySelector('form[action="/bring"]'), box = document.getElementById("bringing");
  if (!form || !box || !window.fetch || !Blob.prototype.arrayBuffer) return;
  var words = box.dataset, bar = box.querySelector("progress"), say = box.querySelector("[role=status]"), busy = false, tries = 0, KEY = "bringing", STILL = 45000;
  var sent = 0, total = 0, stamp = 0;
  form.dataset.phone = "1"; // pages.js leaves the sending to this file

  form.addEventListener("submit", function (event) {
    var files = Array.prototype.slice.call(form.elements.file.files), came = [];
    if (!files.some(function (file) { return file.size; })) return; // the server says what is wrong
    event.preventDefault();
    if (busy) return;
    busy = true;
    sent = 0;
    stamp = Date.now(); // what is done once is done once for each press of the button
    total = files.reduce(function (n, file) { return n + file.size; }, 0);
    box.hidden = false;
    tell(words.sending);
    files.reduce(function (prior, file, i) {
      return prior.then(function () { return bring(file, i); }).then(function (one) {
        came.push(one);
        sent += file.size;
      });
    }, Promise.resolve()).then(function () {
      remember([]);
      if (came.length === 1 && came[0].bundle) location.assign("/bring/" + came[0].id);
      else show(came);
    }, function (error) {
      busy = false;
      if (error.sentence === words.ended || !came.some(function (one) { return one.id; })) return tell(error.sentence || words.failed);
      files.slice(came.length).forEach(function (file) { came.push({ not: "failed " + file.name }); });
      remember([]);
      show(came);
    });
  });

  // bring sends one file; what cannot be brought is told with the others. Where nothing else
  // was chosen, it is told at once.
  function bring(file, nth) {
    var not = function (why) { return { not: why + " " + file.name }; };
    if (!file.size) return Promise.resolve(not("empty"));
    return start(file, nth).then(function (u) {
      if (u.photo) return photo(file, nth);
      return put(u, file).then(function (id) { return { id: id, bundle: u.bundle }; });
    }).catch(function (error) {
      if (error.why && error.why !== "failed" && form.elements.file.files.length > 1) return not(error.why);
      throw error;
    });
  }

  // show has the page made that says what became of each.
  function show(came) {
    var to = document.createElement("form");
    to.method = "post";
    to.action = "/bring/came";
    function field(name, value) {
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      to.appendChild(input);
    }
    field("space", form.elements.space.value);
    came.forEach(function (one) { if (one.id) field("item", one.id); else field("not", one.not); });
    document.body.appendChild(to);
    to.submit();
  }

  function tell(text) { say.textContent = text; }
  function progress(part) { bar.value = 100 * (sent + part) / total; }
  function mark(file) { return [form.elements.space.value, file.name, file.size, file.lastModified].join("|"); }
  function remembered() { try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch (e) { return []; } }
  function remember(all) { try { sessionStorage.setItem(KEY, JSON.stringify(all)); } catch (e) { /* then it begins anew */ } }
  function keep(one) { remember(remembered().filter(function (u) { return u.mark !== one.mark; }).concat(one)); }

  // start goes on with what was begun before, or begins.
  function start(file, nth) {
    var old = remembered().filter(function (u) { return u.mark === mark(file); })[0];
    if (old && old.whole) return Promise.resolve({ document: old.id });
    return (old ? state(old.id) : Promise.resolve(null)).then(function (u) {
      if (u) u.bundle = old.bundle;
      return u || begin(file, nth);
    });
  }

  function begin(file, nth) {
    return file.slice(0, 3072).arrayBuffer().then(function (head) {
      var fields = new URLSearchParams({ form: form.elements.form.value + "-" + stamp + "-" + nth, space: form.elements.space.value, file: file.name, size: file.size, type: file.type, nth: nth,
        head: btoa(String.fromCharCode.apply(null, new Uint8Array(head))) });
      return beginNow(fields);
    }).then(function (said) {
      if (said.photo) return { photo: true };
      keep({ id: said.upload, mark: mark(file), bundle: said.bundle });
      return { id: said.upload, at: 0, bundle: said.bundle };
    });
  }

  function beginNow(fields) {
    return fetch("/bring/begin", { method: "POST", body: fields, redirect: "manual" }).then(function (answer) {
      if (answer.type === "opaqueredirect") throw { sentence: words.ended };
      return answer.json().then(function (said) {
        if (answer.ok) return said;
        throw { sentence: said.problem, why: said.why };
      });
    }, function () { return later().then(function () { return beginNow(fields); }); });
  }

  // photo sends a photo as the form does, again until it is there; the name of the form keeps
  // it from being there twice.
  function photo(file, nth) {
    var data = new FormData();
    data.set("form", form.elements.form.value + "-" + stamp + "-" + nth);
    data.set("space", form.elements.space.value);
    data.set("script", "1");
    data.set("nth", nth);
    data.set("file", file);
    return new Promise(function (done, broke) {
      var xhr = new XMLHttpRequest();
      var moved = watched(xhr, broke);
      xhr.open("POST", "/bring");
      xhr.upload.onprogress = function (event) { moved(); progress(Math.min(event.loaded, file.size)); };
      xhr.onload = function () {
        moved(true);
        var said = {};
        try { said = JSON.parse(xhr.responseText); } catch (e) { /* a page: of the sign-in, or a proxy's */ }
        if (xhr.status === 201 && said.upload) return done({ id: said.upload });
        if (!said.problem && xhr.status >= 500) return broke(new Error("later"));
        broke({ sentence: said.problem || words.ended, why: said.why });
      };
      xhr.send(data);
    }).then(function (one) {
      tries = 0;
      keep({ id: one.id, mark: mark(file), whole: true });
      return one;
    }, function (error) {
      if (error.sentence) throw error;
      return later().then(function () { return photo(file, nth); });
    });
  }

  // watched ends a request over a network that is there and carries nothing.
  function watched(xhr, broke) {
    var still;
    function moved(over) {
      clearTimeout(still);
      if (!over) still = setTimeout(function () { xhr.abort(); }, STILL);
    }
    xhr.onerror = xhr.onabort = function () { moved(true); broke(new Error("cut")); };
    moved();
    return moved;
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
        now.bundle = u.bundle;
        return put(now, file);
      });
    });
  }

  function patch(u, file) {
    return new Promise(function (done, broke) {
      var xhr = new XMLHttpRequest();
      var moved = watched(xhr, broke);
      xhr.open("PATCH", "/api/v1/uploads/" + u.id);
      xhr.setRequestHeader("Tus-Resumable", "1.0.0");
      xhr.setRequestHeader("Upload-Offset", u.at);
      xhr.setRequestHeader("Content-Type", "application/offset+octet-stream");
      xhr.upload.onprogress = function (event) { moved(); progress(u.at + event.loaded); };
      xhr.onload = function () {
        moved(true);
        if (xhr.status === 204) {
          u.at = Number(xhr.getResponseHeader("Upload-Offset"));
          return done(xhr.getResponseHeader("Document-Item"));
        }
        if (xhr.status >= 500 || [400, 408, 409, 429].indexOf(xhr.status) >= 0) return broke(new Error("later"));
        var said = {};
        try { said = JSON.parse(xhr.responseText); } catch (e) { /* a proxy's page */ }
        broke({ sentence: xhr.status === 401 || xhr.status === 423 ? words.ended : said.title || words.failed });
      };
      xhr.send(file.slice(u.at));
    });
  }

  function later() {
    tell(words.cut);
    return new Promise(function (go) { setTimeout(go, Math.min(15000, 500 * Math.pow(2, tries++))); }).then(function () { tell(words.sending); });
  }
})();
