// A product's API with Express. Its front end is the page in ../browser.

import express from "express";
import { ISSUER, requireLiveSession, requireTier, requireUser } from "./tollgate.js";

const app = express();
app.disable("x-powered-by");

app.get("/public", (req, res) => res.json({ message: "Everyone may read this." }));
app.get("/notes", requireUser, (req, res) => res.json({ message: `The notes of ${req.user.sub}.` }));
app.get("/export", requireUser, requireTier(2), (req, res) => res.json({ message: `The export of ${req.user.sub}.` }));
app.get("/payout", requireUser, requireLiveSession, (req, res) => res.json({ message: `The payout of ${req.user.sub}.` }));

// The front end, from the same origin: the API needs no CORS. Its scripts come from here and from Tollgate.
app.use((req, res, next) => {
  res.set("content-security-policy", `default-src 'none'; script-src 'self' ${ISSUER}; connect-src 'self' ${ISSUER}; style-src 'self'; img-src data:`);
  next();
});
app.get("/config.json", (req, res) => res.json({ tollgate: ISSUER }));
app.use(express.static(new URL("../browser", import.meta.url).pathname, { index: "index.html" }));

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`ready http://127.0.0.1:${server.address().port}`);
});
