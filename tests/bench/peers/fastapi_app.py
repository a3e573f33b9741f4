"""FastAPI on uvicorn, with asyncio.to_thread.

Usage: fastapi_app.py PORT WORKERS FOLDER
"""

import asyncio
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

PORT, WORKERS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
app = FastAPI()
local = threading.local()


@app.on_event("startup")
async def start():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS))


def ask_database(number):
    if not hasattr(local, "database"):
        local.database = sqlite3.connect(f"file:{FOLDER}/data.db?mode=ro", uri=True)
    return local.database.execute("SELECT v FROM kv WHERE id = ?", (number,)).fetchone()[0]


@app.get("/inline")
async def inline():
    return JSONResponse({"ok": True})


@app.get("/noop")
async def noop():
    await asyncio.to_thread(lambda: None)
    return JSONResponse({"ok": True, "ms": 0})


@app.get("/file")
async def file():
    return Response(await asyncio.to_thread((FOLDER / "file4k.bin").read_bytes), media_type="application/octet-stream")


@app.get("/sqlite")
async def sqlite(id: int):
    return JSONResponse({"v": await asyncio.to_thread(ask_database, id)})


@app.get("/to-thread")
async def to_thread(ms: int):
    await asyncio.to_thread(time.sleep, ms / 1000)
    return JSONResponse({"ok": True, "ms": ms})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", access_log=False, timeout_keep_alive=60)
