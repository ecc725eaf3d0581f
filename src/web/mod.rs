//! How anything here is served by HTTP: with bounds on connections, on the time that each part of an exchange may take,
//! and on the bodies that lie in memory. Probes, metrics, the admin interface, webhooks and the sandbox all stand on it.

mod body;
mod connections;
mod stall;
mod tls;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

use body::Bodies;
pub(crate) use connections::hold;
use connections::{Connections, Visit};
use stall::Stall;
pub(crate) use tls::{Identity, IdentityError};

/// What a listener allows.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Connections at a time. One more ends the oldest that is not being answered.
    pub(crate) connections: usize,
    /// How long a connection may be open without a whole request: between two of them, too.
    pub(crate) head: Duration,
    /// How long a request's body may take,
    pub(crate) body: Duration,
    /// and how large it may be.
    pub(crate) body_bytes: usize,
    /// All bodies that are being read may take this much memory.
    pub(crate) bodies_bytes: usize,
    /// How long the other end may take nothing of an answer; `None` where it may for as long as it likes.
    pub(crate) stall: Option<Duration>,
}

impl Default for Limits {
    /// Of an interface for a few programs and people.
    fn default() -> Limits {
        Limits {
            connections: 64,
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            body_bytes: 64 << 10,
            bodies_bytes: 4 << 20,
            stall: Some(Duration::from_secs(20)),
        }
    }
}

/// A listener that serves until it is told to stop.
pub(crate) struct Server<S> {
    listener: TcpListener,
    service: S,
    identity: Option<Identity>,
    connections: Arc<Connections>,
    bodies: Arc<Bodies>,
    limits: Limits,
    stop: CancellationToken,
}

/// Where a request comes from; among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From(pub(crate) SocketAddr);

/// What is served.
pub(crate) trait Serves:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Serves for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S: Serves> Server<S> {
    /// Serves `service` to whoever connects to `listener`, until `stop`.
    pub(crate) fn new(listener: TcpListener, service: S, limits: Limits, stop: CancellationToken) -> Server<S> {
        let connections = Arc::new(Connections::new(limits.connections));
        let bodies = Arc::new(Bodies::new(&limits));
        Server { listener, service, identity: None, connections, bodies, limits, stop }
    }

    /// The same, by TLS.
    pub(crate) fn with_identity(self, identity: Option<Identity>) -> Server<S> {
        Server { identity, ..self }
    }

    /// Serves. Connections that are being answered when it is told to stop have a second to end.
    pub(crate) async fn run(self) {
        let server = Arc::new(self);
        let tasks = TaskTracker::new();
        let mut is_in_trouble = false;
        while let Some(accepted) = server.stop.run_until_cancelled(server.listener.accept()).await {
            match accepted {
                Ok((stream, from)) => {
                    is_in_trouble = false;
                    server.admit(stream, from, &tasks);
                }
                Err(error) => {
                    // Most likely there are no files left; those that do nothing give theirs.
                    if !std::mem::replace(&mut is_in_trouble, true) {
                        tracing::warn!("{}: no connection can be taken: {error}", address_of(&server.listener));
                    }
                    server.connections.end_idle();
                    tokio::time::sleep(AFTER_TROUBLE).await;
                }
            }
        }
        tasks.close();
        timeout(STOP, tasks.wait()).await.ok();
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, from: SocketAddr, tasks: &TaskTracker) {
        // Small answers leave at once.
        stream.set_nodelay(true).ok();
        let Some(visit) = self.connections.admit() else { return };
        let server = self.clone();
        tasks.spawn(async move {
            let stream = Stall::new(stream, server.limits.stall);
            match &server.identity {
                None => server.serve(stream, from, &visit).await,
                Some(identity) => {
                    if let Ok(Ok(stream)) = timeout(server.limits.head, identity.accept(stream)).await {
                        server.serve(stream, from, &visit).await;
                    }
                }
            }
            server.connections.forget(&visit);
        });
    }

    async fn serve<T>(&self, stream: T, from: SocketAddr, visit: &Arc<Visit>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(From(from));
            self.answer(request, visit)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        tokio::select! {
            // A client that goes away, or is too slow, is not worth a line.
            _ = &mut connection => {}
            () = visit.ended() => {}
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await.ok();
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>, visit: &Arc<Visit>) -> Result<Response, Infallible> {
        let busy = visit.busy();
        let (request, is_read) = self.bodies.bound(request.map(Body::new));
        let mut response = self.service.clone().oneshot(request).await?;
        if !is_read.load(Ordering::Relaxed) {
            // What is left of the body stands in the way of whatever would follow it on this connection.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| hold(body, busy)))
    }
}

fn address_of(listener: &TcpListener) -> String {
    listener.local_addr().as_ref().map_or_else(|_| "a listener".to_owned(), SocketAddr::to_string)
}

/// Binds, so that what is wrong is known before anything is served.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Reads a request's body before its handler sees it, so that whatever is wrong with it is answered alike.
pub(crate) async fn with_whole_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match whole_body(Request::new(body)).await {
        Ok(body) => next.run(Request::from_parts(head, body.into())).await,
        Err(refusal) => refusal,
    }
}

/// Reads what is left of a request's body. The error is what to answer.
pub(crate) async fn whole_body(request: Request) -> Result<bytes::Bytes, Response> {
    axum::body::to_bytes(request.into_body(), usize::MAX).await.map_err(|error| body::refusal(&error).into_response())
}

/// A head beyond this is refused.
const HEAD_BYTES: usize = 32 << 10;
/// How long to wait when a connection cannot be taken.
const AFTER_TROUBLE: Duration = Duration::from_millis(50);
/// How long open connections may take to end.
const STOP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn server(limits: Limits) -> (SocketAddr, CancellationToken) {
        let (listener, address) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let stop = CancellationToken::new();
        let echo = |request: Request| async move {
            match whole_body(request).await {
                Ok(body) => body.into_response(),
                Err(refusal) => refusal,
            }
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }).post(echo))
            .route("/unread", get(|| async { "here" }).post(|| async { "refused" }));
        tokio::spawn(Server::new(listener, router, limits, stop.clone()).run());
        (address, stop)
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(Duration::from_secs(60), stream.read_to_string(&mut answer)).await.unwrap().ok();
        answer
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn half_requests_are_ended_and_keep_nobody_out() {
        let limits = Limits { connections: 4, head: Duration::from_millis(500), ..Limits::default() };
        let (address, _stop) = server(limits).await;
        let mut halves = Vec::new();
        for _ in 0..40 {
            let mut half = TcpStream::connect(address).await.unwrap();
            half.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
            halves.push(half);
        }
        assert!(ask(address, GET).await.ends_with("here"), "the oldest makes room");
        // All of them end by themselves, also one that waits between two requests.
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(60), kept.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(answer.ends_with(b"here"));
    }

    /// Who would send its next request on a connection that closes would get no answer to it.
    #[tokio::test]
    async fn a_connection_closes_behind_a_body_that_nobody_read_and_says_so() {
        let (address, _stop) = server(Limits::default()).await;
        let post = "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        let answer = ask(address, post).await;
        assert!(answer.contains("connection: close") && answer.ends_with("refused"), "{answer}");
        let both = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned() + GET;
        let answer = ask(address, &both).await;
        assert!(answer.contains("hello") && answer.ends_with("here"), "one that was read stays open: {answer}");
    }

    #[tokio::test]
    async fn bodies_are_bounded_in_bytes_time_and_number() {
        let limits =
            Limits { body: Duration::from_millis(300), body_bytes: 1_000, bodies_bytes: 2_048, ..Limits::default() };
        let (address, _stop) = server(limits).await;
        let post = |length: usize, body: &str| {
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        };
        assert!(ask(address, &post(5, "hello")).await.ends_with("hello"));
        assert!(ask(address, &post(1_001, "")).await.starts_with("HTTP/1.1 413"));
        let chunked = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n",
            "x".repeat(2_000)
        );
        assert!(ask(address, &chunked).await.starts_with("HTTP/1.1 413"));
        assert!(ask(address, &post(900, "slow")).await.starts_with("HTTP/1.1 408"));
        // Two of these fit the memory; the others wait for them to be given up.
        let asks = (0..6).map(|_| tokio::spawn(async move { ask(address, &post(900, "slow")).await }));
        for asked in asks.collect::<Vec<_>>() {
            let answer = asked.await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 503"), "{answer}");
        }
        assert!(ask(address, &post(5, "hello")).await.ends_with("hello"), "and it works again");
    }
}
