// Renders an alarm's post and what a pressed button makes of it as a chat client does, and checks that both say what they
// must. Goes in: the two JSON files. Comes out: a page on the standard output; exit status 1 where a check fails.
import { readFileSync } from 'node:fs';
import { marked } from 'marked';

const [post, pressed] = process.argv.slice(2).map(file => JSON.parse(readFileSync(file, 'utf8')));
const pictures = { ':rotating_light:': '🚨', ':warning:': '⚠️', ':white_check_mark:': '✅' };
const colours = { danger: '#d24b4e', warning: '#f0a020', good: '#3db887' };
const html = text => {
    for (const [name, picture] of Object.entries(pictures)) text = text.replaceAll(name, picture);
    return marked.parse(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'), { gfm: true, breaks: true });
};
const [attachment] = post.attachments;
const buttons = attachment.actions.map(action => `<span>${action.name.replaceAll('<', '&lt;')}</span>`).join('');
const repainted = pressed.update.message;
if (attachment.actions.length !== 4 || !/acknowledged by anna/.test(repainted) || pressed.update.props.attachments.length) {
    console.error('render: the post or its repainting is not as it must be', repainted);
    process.exit(1);
}
const section = (time, content) => `<section><b>Fridge</b> <i>BOT</i> <small>${time}</small>${content}</section>`;
console.log(`<!doctype html><meta charset="utf-8"><style>
body { font: 15px/1.45 'Open Sans', 'DejaVu Sans', sans-serif; color: #3f4350; margin: 12px; overflow-wrap: break-word }
section { border-bottom: 1px solid #dde; padding: 8px 0 14px }
i { background: #e8e9ee; border-radius: 4px; font: bold 10px sans-serif; padding: 2px 4px } small { color: #99a }
p { margin: 4px 0 } div { border-left: 4px solid ${colours[attachment.color]}; padding: 2px 0 2px 12px; margin: 6px 0 }
span { border: 1px solid #1c58d9; color: #1c58d9; border-radius: 4px; padding: 3px 8px; margin: 6px 6px 0 0; display: inline-block; font-size: 13px; font-weight: 600 }
</style>${section('04:12', `${html(post.text)}<div>${html(attachment.text)}${buttons}</div>`)}
${section('04:12 <em>edited</em>', html(repainted))}`);
