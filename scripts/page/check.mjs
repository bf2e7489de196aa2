// Looks at the page of a running demo with a real browser: check.mjs URL PID FOLDER. What it sees is printed, pictures go to
// FOLDER. Ends with 1 where anything is not as it should be.
import { join } from "path";
import { check, end, isLive, open as openAt, seriousFindings, until } from "./browser.mjs";

const [url, pid, folder] = process.argv.slice(2);
const api = async (path) => (await fetch(`${url}/api/v1${path}`)).json();
const open = (options, path) => openAt(url, options, path);

// How soon there is a first picture (the median of three), and what the page weighs.
{
  const paints = [];
  let opened;
  for (let turn = 0; turn < 3; turn += 1) {
    await opened?.context.close();
    opened = await open({});
    const painted = () => opened.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    await until(painted, "there is a picture");
    paints.push(await painted());
  }
  const { context, page, elsewhere, errors, loaded } = opened;
  const paint = paints.sort((one, other) => one - other)[1];
  const cards = await page.locator("#fridges > li").count();
  check(paint < 1000, `first picture with ${cards} fridges after ${Math.round(paint)} ms (at most 1000)`);
  await until(() => isLive(page), "the page becomes live");
  const weight = loaded.filter((it) => !it.url.includes("/events")).map((it) => it.responseBodySize);
  const sum = weight.reduce((all, it) => all + it, 0);
  check(sum <= 100 * 1024, `the page weighs ${(sum / 1024).toFixed(1)} KiB compressed in ${weight.length} files (at most 100)`);
  const script = (await (await fetch(url + (await page.getAttribute("script[src]", "src")))).text()).length;
  check(script <= 15 * 1024, `its script has ${(script / 1024).toFixed(1)} KiB, not compressed (at most 15)`);

  // A change is seen within a second of its sweep.
  const worst = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const before = new Map((await api("/fridges")).fridges.map((it) => [it.id, it.shown]));
    let changed;
    await until(async () => {
      changed = (await api("/fridges")).fridges.find((it) => it.celsius !== null && it.shown !== before.get(it.id));
      return changed;
    }, "a value changes");
    const value = page.locator(`[data-id="${changed.id}"] .value`);
    worst.push(await until(async () => (await value.textContent()) === changed.shown, `${changed.id} is shown`, 5000));
  }
  const slowest = Math.max(...worst);
  check(slowest < 1000, `a change is on the page ${Math.round(slowest)} ms after the API has it, at the most of five (at most 1000)`);

  // Ages count on, and a new reading of the same value begins anew.
  const ages = await page.locator("#fridges .age").allTextContents();
  check(ages.filter((it) => /^read \d+ s ago$/.test(it)).length >= cards - 2, "each value says how old it is");
  check(elsewhere.length === 0, `no request leaves the gateway ${elsewhere}`);
  check(errors.length === 0, `the browser complains of nothing ${errors}`);
  await context.close();
}

// The chart says what the API says.
{
  const { context, page, errors } = await open({}, "/fridges/milk");
  const chart = await page.evaluate(() => ({ ...document.querySelector(".wide .chart").dataset }));
  const moment = (seconds) => new Date(seconds * 1000).toISOString();
  const { points } = await api(`/fridges/milk/readings?from=${moment(chart.from)}&to=${moment(chart.to)}&step=${chart.step}`);
  const known = points.filter((it) => it.min !== null);
  const shown = (celsius) => `${celsius.toFixed(1).replace("-", "\u2212")} °C`;
  await page.focus("figure");
  let agreeing = 0;
  await page.keyboard.press("Home");
  for (let turn = 0; turn < 10; turn += 1) {
    const at = Math.min(known.length - 1, turn * 12);
    const wanted = `${shown(known[at].mean)} (${shown(known[at].min)} to ${shown(known[at].max)})`;
    await until(async () => (await page.textContent("#pointed")).includes(wanted), `point ${at} says ${wanted}`, 3000) < 3000 && (agreeing += 1);
    await page.keyboard.press("PageDown");
  }
  check(agreeing === 10, `the chart agrees with the API at ${agreeing} of 10 points, by the keyboard`);
  const box = await page.locator(".wide .chart").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  check(/ °C \(/.test(await page.textContent("#pointed")), "the pointer reads a value, too");
  for (const what of [".band", ".mean", ".limit"]) check(await page.locator(`.wide ${what}`).count() > 0, `the chart draws ${what}`);
  check(errors.length === 0, `the browser complains of nothing ${errors}`);
  await context.close();
}

// Sizes, colours and scripts off.
const pages = [["/", "overview"], ["/fridges/freezer-1", "fridge"], ["/alarms", "alarms"], ["/about", "about"], ["/?wall", "wall"]];
for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1440, 3840]) {
    for (const [path, name] of pages) {
      if (width === 3840 && name !== "wall") continue;
      const { context, page } = await open({ colorScheme, viewport: { width, height: width === 360 ? 740 : width * 0.5625 } }, path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(wide <= 0, `${name} fits into ${width} pixels, ${colorScheme}`);
      const serious = await seriousFindings(page);
      check(serious.length === 0, `${name}, ${colorScheme}, ${width}: axe has no serious finding ${serious}`);
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) });
      await context.close();
    }
  }
}
{
  const { context, page } = await open({ javaScriptEnabled: false });
  check(await page.locator("#fridges .value").count() > 0, "with scripts off all values are there");
  check((await page.content()).includes("Scripts are off"), "and the page says that it is not live");
  await page.goto(`${url}/fridges/milk`);
  check(await page.locator("svg.chart polyline").count() > 0, "and so is the chart");
  await page.screenshot({ path: join(folder, "without-scripts.png") });
  await context.close();
}

// A page that has lost its connection says so, and comes back by itself.
{
  const { context, page } = await open({});
  await until(() => isLive(page), "the page becomes live");
  process.kill(Number(pid), "SIGSTOP"); // As a network that vanishes without a word.
  const lost = await until(() => page.locator("#lost").isVisible(), "the page says that it is lost", 10000);
  check(lost < 5000, `a page whose stream says nothing says so after ${Math.round(lost)} ms (at most 5000)`);
  const style = await page.locator("#fridges .value").first().evaluate((it) => getComputedStyle(it).textDecorationLine);
  check(style === "line-through", "and its values are struck through");
  await page.screenshot({ path: join(folder, "lost.png") });
  process.kill(Number(pid), "SIGCONT");
  const back = await until(async () => (await isLive(page)) && !(await page.locator("#lost").isVisible()), "it comes back", 30000);
  check(back < 15000, `it is live again ${Math.round(back)} ms after the gateway`);
  await context.close();
}

await end();
