// Node: node:http, files by its own pool (UV_THREADPOOL_SIZE). Without native code it has no way to put a blocking function
// of one's own on that pool, and Node 20 brings no database: no /noop, /sqlite, /to-thread.
//
// Usage: node.js PORT WORKERS FOLDER
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const [port, , folder] = process.argv.slice(2);
const file = path.join(folder, 'file4k.bin');

function answer(response, type, body) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
}

const server = http.createServer((request, response) => {
    if (request.url === '/inline') {
        answer(response, 'application/json', '{"ok":true}\n');
    } else if (request.url === '/file') {
        fs.readFile(file, (error, data) => {
            if (error) throw error;
            answer(response, 'application/octet-stream', data);
        });
    } else {
        response.writeHead(404).end();
    }
});
server.keepAliveTimeout = 60000;
server.listen(Number(port), '127.0.0.1');
