//! Connections for sockets, straight or through the proxy that the environment names, as REST's own client does it:
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, and `NO_PROXY` for what goes straight.

use std::{io, sync::OnceLock};

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// The proxy for `url`, without what may be secret in it.
pub(crate) fn proxy_of(url: &str) -> Option<String> {
    Some(shown(&intercept(&Url::parse(url).ok()?)?))
}

/// Opens a connection for `url` (`ws` or `wss`). Errors name the proxy, where there is one.
pub(crate) async fn connect(url: &Url) -> Result<TcpStream, String> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
    let stream = match intercept(url) {
        None => TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(|error| error.to_string())?,
        Some(proxy) => {
            let named = format!("the proxy {}", shown(&proxy));
            tunnel(&proxy, &format!("{host}:{port}")).await.map_err(|error| format!("{named}: {error}"))?
        }
    };
    stream.set_nodelay(true).ok();
    Ok(stream)
}

fn intercept(url: &Url) -> Option<Intercept> {
    static MATCHER: OnceLock<Matcher> = OnceLock::new();
    let scheme = if matches!(url.scheme(), "ws" | "http") { "http" } else { "https" };
    let port = url.port_or_known_default().unwrap_or(443);
    let target: Uri = format!("{scheme}://{}:{port}/", url.host_str()?).parse().ok()?;
    MATCHER.get_or_init(Matcher::from_env).intercept(&target)
}

fn shown(proxy: &Intercept) -> String {
    let uri = proxy.uri();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or_default())
}

/// Asks the proxy for a way to `target`.
async fn tunnel(proxy: &Intercept, target: &str) -> io::Result<TcpStream> {
    let uri = proxy.uri();
    if uri.scheme_str().is_some_and(|scheme| scheme != "http") {
        return Err(io::Error::other("sockets go through proxies of http only; give its http address"));
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let right = proxy.basic_auth().and_then(|value| value.to_str().ok());
    let right = right.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{right}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let answer = read_head(&mut stream).await?;
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    match status {
        "200" => Ok(stream),
        "407" => Err(io::Error::other("it wants a name and a password (HTTP 407); write them into the proxy's URL")),
        status => Err(io::Error::other(format!("it does not connect to {target} (HTTP {status})"))),
    }
}

/// The head of an answer, byte by byte: what follows it belongs to the other end.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LARGEST_HEAD {
            return Err(io::Error::other("its answer does not end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Proxies answer with a few lines.
const LARGEST_HEAD: usize = 8 << 10;
