// A real browser, and checks that are counted: what check.mjs and others share. PAGE_MODULES holds playwright-core.
import { createRequire } from "module";
import { readFileSync } from "fs";
import { join } from "path";

const require = createRequire(join(process.env.PAGE_MODULES, "package.json"));
const { chromium } = require("playwright-core");
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // The demo's certificate is its own; its verification has a test of its own.

let failures = 0;
export const check = (isRight, what) => {
  console.log(`${isRight ? "ok  " : "FAIL"} ${what}`);
  if (!isRight) failures += 1;
};
export const until = async (wanted, what, limit = 20000) => {
  const began = performance.now();
  while (!(await wanted())) {
    if (performance.now() - began > limit) { check(false, `${what}, in vain for ${limit} ms`); return Infinity; }
    await new Promise((later) => setTimeout(later, 20));
  }
  return performance.now() - began;
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
export const open = async (url, options, path = "/") => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const elsewhere = [], errors = [], loaded = [];
  page.on("request", (request) => { if (!request.url().startsWith(url)) elsewhere.push(request.url()); });
  page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
  page.on("pageerror", (error) => errors.push(error.message));
  // A page that is closed meanwhile tells no more sizes.
  page.on("requestfinished", (request) =>
    request.sizes().then((sizes) => loaded.push({ url: request.url(), ...sizes }), () => {}));
  await page.goto(url + path, { waitUntil: "load" });
  return { context, page, elsewhere, errors, loaded };
};
export const isLive = (page) => page.evaluate(() => document.body.classList.contains("is-live"));
export const seriousFindings = async (page) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  return violations.filter((it) => ["serious", "critical"].includes(it.impact)).map((it) => `${it.id}: ${it.nodes[0].html}`);
};
// Closes it, and ends with 1 where anything was not as it should be.
export const end = async () => {
  await browser.close();
  console.log(failures === 0 ? "page: all as it should be" : `page: ${failures} not as they should be`);
  process.exit(failures === 0 ? 0 : 1);
};
