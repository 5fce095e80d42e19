// A receiver of webhooks: verifies each message with the reference library of Standard Webhooks, writes down what it saw, one JSON object a
// line, and answers what the file `status` says. Its secret stands in the file `secret`.
const fs = require("fs");
const https = require("https");
const { Webhook } = require(process.argv[3]);

const text = (file) => fs.readFileSync(file, "utf8").trim();
const options = { key: fs.readFileSync("server.key"), cert: fs.readFileSync("server.crt") };
https
  .createServer(options, (request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString("utf8");
      let fault = null;
      try {
        new Webhook(text("secret")).verify(body, request.headers);
      } catch (error) {
        fault = String(error);
      }
      const status = Number(text("status"));
      const seen = { fault, status, path: request.url, id: request.headers["webhook-id"], body: JSON.parse(body) };
      fs.appendFileSync("received", JSON.stringify(seen) + "\n");
      response.writeHead(status, { location: "https://localhost:1/elsewhere" });
      response.end();
    });
  })
  .listen(Number(process.argv[2]), "127.0.0.1");
