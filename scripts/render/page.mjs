// Renders answers as a chat client does (GitHub-flavoured Markdown, HTML escaped) and checks that each
// table is intact and each name reads as it was written. Goes in: a JSON list of {title, text, names} on
// the standard input. Comes out: a page on the standard output; exit status 1 where a check fails.
import { readFileSync } from 'node:fs';
import { marked } from 'marked';

const emoji = {
    ':rotating_light:': '🚨', ':warning:': '⚠️', ':white_check_mark:': '✅', ':hourglass:': '⌛', ':thermometer:': '🌡️',
};
const escaped = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
// What a person reads: no marks, no invisible joiners, entities as what they stand for.
const read = html => html.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'").replaceAll('&amp;', '&').replaceAll('\u2060', '').trim();

let failures = 0;
const check = (holds, what) => { if (!holds) { failures += 1; console.error(`render: ${what}`); } };

const posts = JSON.parse(readFileSync(0, 'utf8')).map(({ title, text, names }) => {
    for (const [name, picture] of Object.entries(emoji)) text = text.replaceAll(name, picture);
    const html = marked.parse(escaped(text), { gfm: true, breaks: true });
    const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(row => [...row[1].matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(cell => read(cell[1])));
    check(rows.length === names.length + 1, `${title}: ${rows.length} rows for ${names.length} fridges`);
    check(rows.every(row => row.length === 3), `${title}: a row has not three cells`);
    const shown = rows.slice(1).map(row => row[0]);
    for (const name of names) {
        const wanted = name.replaceAll('<', '‹').replaceAll('>', '›').replace(/\s+/g, ' ').trim();
        check(shown.some(cell => cell.replace(/\s+/g, ' ') === wanted), `${title}: ${JSON.stringify(name)} is not among ${JSON.stringify(shown)}`);
    }
    check(!/<(a|img|em|code|del|h\d)\b/.test(html.replace(/<code>28-[0-9a-f]{12}<\/code>/g, '')), `${title}: a name became Markdown`);
    return `<section><b>Fridge</b> <i>BOT</i> <small>12:04</small>${html}</section>`;
});
console.log(`<!doctype html><meta charset="utf-8"><style>
body { font: 15px/1.45 'Open Sans', 'DejaVu Sans', sans-serif; color: #3f4350; margin: 12px; overflow-wrap: break-word }
section { border-bottom: 1px solid #dde; padding: 8px 0 14px }
i { background: #e8e9ee; border-radius: 4px; font: bold 10px sans-serif; padding: 2px 4px } small { color: #99a }
p { margin: 4px 0 } table { border-collapse: collapse; margin-top: 8px } th, td { border: 1px solid #d5d7de; padding: 5px 9px }
tr:nth-child(2n) { background: #f7f8fa }</style>${posts.join('\n')}`);
process.exit(failures ? 1 : 0);
