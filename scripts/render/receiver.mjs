// An incoming webhook that keeps the first post with buttons. Goes in: the files for its port and for that post.
import { createServer } from 'node:http';
import { renameSync, writeFileSync } from 'node:fs';

const [portFile, postFile] = process.argv.slice(2);
let kept = false;
const server = createServer((request, response) => {
    let body = '';
    request.on('data', part => { body += part; });
    request.on('end', () => {
        if (!kept && JSON.parse(body).attachments?.[0]?.actions) {
            kept = true;
            writeFileSync(`${postFile}.part`, body);
            renameSync(`${postFile}.part`, postFile);
        }
        response.end('ok');
    });
});
server.listen(0, '127.0.0.1', () => writeFileSync(portFile, String(server.address().port)));
