// Sends a file with tus-js-client, as a program of somebody else would, and prints what
// became of it. The folder of the module comes from the environment.
const fs = require("fs");
const path = require("path");
const tus = require(path.join(process.env.TUS_CLIENT, "node_modules", "tus-js-client"));

const [, , endpoint, token, file] = process.argv;
let document = "", retries = 0;
const upload = new tus.Upload(fs.readFileSync(file), {
  endpoint,
  headers: { Authorization: "Bearer " + token },
  metadata: { filename: "Film", filetype: "video/mp4", compartment: "private" },
  retryDelays: [0, 100, 200, 400, 800, 1600],
  onShouldRetry: () => { retries++; return true; },
  onAfterResponse: (_, answer) => { document = answer.getHeader("Document-Item") || document; },
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => { console.log(JSON.stringify({ document, retries, url: upload.url })); },
});
upload.start();
