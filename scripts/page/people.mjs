// Does with a real browser what people do: log in, acknowledge, snooze, log out; and sees what becomes of an open page when the
// configuration is read again. people.mjs URL PASSWORD CONFIGURATION PID FOLDER, of a `fridge serve` with the demo's
// configuration and an open alarm.
import { readFileSync, writeFileSync } from "fs";
import { join } from "path";
import { check, end, isLive, open, seriousFindings, until } from "./browser.mjs";

const [url, password, configuration, pid, folder] = process.argv.slice(2);
const reload = (change) => {
  writeFileSync(configuration, change(readFileSync(configuration, "utf8")));
  process.kill(Number(pid), "SIGHUP");
};

// Somebody logs in, with scripts on and off.
for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "" : ", with scripts off";
  const { context, page, errors } = await open(url, { javaScriptEnabled }, "/alarms");
  check(await page.locator("form").count() === 0, `who is not logged in sees no form${how}`);
  await page.click("a.session");
  await page.fill("[name=name]", "demo");
  await page.fill("[name=password]", "not the password");
  await page.click(".login button");
  check((await page.textContent(".wrong")).includes("Wrong name or password."), `a wrong password is told${how}`);
  if (javaScriptEnabled) {
    const serious = await seriousFindings(page);
    check(serious.length === 0, `the login has no serious finding of axe ${serious}`);
    await page.screenshot({ path: join(folder, "login.png") });
  }
  await page.fill("[name=name]", "demo");
  await page.fill("[name=password]", password);
  await page.click(".login button");
  check(new URL(page.url()).pathname === "/alarms", `after the login one is where one was${how}`);
  const cookies = await context.cookies();
  check(cookies.length === 1 && cookies[0].httpOnly && cookies[0].secure, `there is one cookie, out of reach of scripts${how}`);
  await page.fill("[name=cause]", `delivery${how}`);
  if (javaScriptEnabled) {
    const serious = await seriousFindings(page);
    check(serious.length === 0, `the forms have no serious finding of axe ${serious}`);
    await page.screenshot({ path: join(folder, "acknowledge.png") });
  }
  await page.click(".act button");
  check((await page.textContent(".open li")).includes("acknowledged by demo"), `an alarm is acknowledged${how}`);
  const { alarms } = await (await fetch(`${url}/api/v1/alarms`)).json();
  check(alarms.some((it) => it.cause === `delivery${how}`), `and its cause is known${how}`);
  await page.goto(`${url}/fridges/freezer-1`);
  await page.selectOption(".acts form:first-child select", "2h");
  await page.click(".acts form:first-child button");
  check((await page.textContent(".quiet")).includes("snoozed until"), `a fridge is snoozed${how}`);
  if (javaScriptEnabled) {
    await page.setViewportSize({ width: 360, height: 740 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(wide <= 0, "the forms fit into 360 pixels");
    await page.screenshot({ path: join(folder, "acts-360.png") });
    await page.goto(`${url}/doctor`);
    check(await page.locator(".findings li").count() > 5, "the doctor's findings are there");
    const serious = await seriousFindings(page);
    check(serious.length === 0, `they have no serious finding of axe ${serious}`);
    await page.screenshot({ path: join(folder, "doctor.png") });
  }
  await page.click(".session button");
  check(await page.locator("a.session").count() === 1, `and one logs out again${how}`);
  // That a page is refused is an error in the console's eyes.
  check(errors.filter((it) => !it.includes("403")).length === 0, `the browser complains of nothing ${errors}`);
  await context.close();
}

// An open page never shows one fridge's value under another's name.
{
  const { context, page } = await open(url, {}, "/?wall");
  await until(() => isLive(page), "the page becomes live");
  const name = (id) => page.locator(`[data-id="${id}"] .name`).textContent();
  const [milk, meat] = [await name("milk"), await name("meat")];
  reload((text) => text.replace('name = "Milk"', 'id = "milk"\nname = "Other"').replace('name = "Meat"', 'id = "meat"\nname = "Milk"')
    .replace('name = "Other"', 'name = "Meat"'));
  const took = await until(async () => (await name("milk").catch(() => "")) === meat && (await name("meat")) === milk, "two names are exchanged");
  check(took < 15000, `after a reload of the configuration an open wall shows the new names, after ${Math.round(took)} ms`);
  await until(() => isLive(page), "it is live again");
  const limits = await page.locator('[data-id="milk"] .limits').textContent();
  reload((text) => text.replace("limits = { min = 0, max = 8 }", "limits = { min = 1, max = 7 }"));
  const other = await until(async () => (await page.locator('[data-id="milk"] .limits').textContent().catch(() => limits)) !== limits, "another limit is shown");
  check(other < 15000, `and another limit, after ${Math.round(other)} ms`);
  await page.goto(`${url}/fridges/meat`);
  await until(() => isLive(page), "the fridge's page becomes live");
  reload((text) => text.replace(/\n\[\[fridge\]\]\nid = "meat"[^[]*/, "\n"));
  const gone = await until(async () => (await page.content().catch(() => "")).includes("There is no such page"), "a removed fridge's page is none");
  check(gone < 15000, `the page of a fridge that is removed says so, after ${Math.round(gone)} ms`);
  await context.close();
}

// Where one has to log in, an open page leads there, and a session's end is one for what it looks at.
{
  const { context, page } = await open(url, {}, "/");
  await until(() => isLive(page), "the page becomes live");
  reload((text) => `${text}\n[page]\nlogin = true\n`);
  const sent = await until(() => page.url().includes("/login"), "an open page leads to the login");
  check(sent < 20000, `where one has to log in, an open page leads there after ${Math.round(sent)} ms`);
  await page.fill("[name=name]", "demo");
  await page.fill("[name=password]", password);
  await page.click(".login button");
  await until(() => isLive(page), "it is live after the login");
  check(await page.locator("#fridges > li").count() > 0, "who is known looks on");
  await context.close();
}
await end();
