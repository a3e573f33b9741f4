// Rust: hyper on tokio's loop of one thread, spawn_blocking. There is no crate of SQLite in what is needed: no /sqlite.
//
// Usage: peer PORT WORKERS FOLDER

use hyper::header::CONTENT_TYPE;
use hyper::service::{make_service_fn, service_fn};
use hyper::{Body, Request, Response, Server, StatusCode};
use std::convert::Infallible;
use std::time::Duration;
use tokio::task::spawn_blocking;

fn answer(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().header(CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn number(request: &Request<Body>) -> u64 {
    let query = request.uri().query().unwrap_or("");
    query.split_once('=').and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn block(ms: u64) {
    if ms > 0 {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

async fn serve(request: Request<Body>, file: String) -> Result<Response<Body>, Infallible> {
    let ms = number(&request);
    Ok(match request.uri().path() {
        "/inline" => answer("application/json", "{\"ok\":true}\n"),
        "/noop" | "/to-thread" => {
            spawn_blocking(move || block(ms)).await.unwrap();
            answer("application/json", format!("{{\"ok\":true,\"ms\":{ms}}}\n"))
        }
        "/file" => {
            let data = spawn_blocking(move || std::fs::read(file)).await.unwrap().unwrap();
            answer("application/octet-stream", data)
        }
        _ => Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap(),
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().unwrap();
    let file = format!("{}/file4k.bin", arguments[3]);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.max_blocking_threads(arguments[2].parse().unwrap()).enable_all();
    runtime.build().unwrap().block_on(async move {
        let connected = make_service_fn(move |_| {
            let file = file.clone();
            async move { Ok::<_, Infallible>(service_fn(move |request| serve(request, file.clone()))) }
        });
        Server::bind(&([127, 0, 0, 1], port).into()).tcp_nodelay(true).serve(connected).await.unwrap();
    });
}
