//! Opening a WebSocket, through a venue's proxy where it has one.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config, connect_async_with_config};
use tower_service::Service;
use ureq::{Proxy, ProxyProtocol};

use crate::config::SecretUrl;

/// A WebSocket of ours.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The largest message that is read; instrument tables of BitMEX take a few hundred kilobytes.
const LARGEST_MESSAGE: usize = 16 << 20;

/// Connects to a venue and shakes hands.
pub async fn dial(url: &str, proxy: Option<&SecretUrl>) -> Result<Socket, Error> {
    let mut limits = WebSocketConfig::default();
    limits.max_message_size = Some(LARGEST_MESSAGE);
    limits.max_frame_size = Some(LARGEST_MESSAGE);
    let Some(proxy) = proxy else {
        return connect_async_with_config(url, Some(limits), true).await.map(|(socket, _)| socket);
    };
    let request = url.into_client_request()?;
    let stream = through(proxy, request.uri()).await?;
    stream.set_nodelay(true)?;
    client_async_tls_with_config(request, stream, Some(limits), None).await.map(|(socket, _)| socket)
}

/// A connection that a proxy has made to the host of `target`, whose name it looks up.
async fn through(proxy: &SecretUrl, target: &Uri) -> Result<TcpStream, Error> {
    // What these errors tell holds no password.
    let failed = |why: String| Error::Io(io::Error::other(format!("proxy {proxy}: {why}")));
    let settings = Proxy::new(proxy.reveal()).map_err(|error| failed(error.to_string()))?;
    let place = uri(settings.host(), settings.port()).map_err(|error| failed(error.to_string()))?;
    let host = target.host().ok_or(tungstenite::error::UrlError::NoHostName)?;
    let port = target.port_u16().unwrap_or(if target.scheme_str() == Some("ws") { 80 } else { 443 });
    let target = uri(host, port).map_err(|error| failed(error.to_string()))?;
    let direct = HttpConnector::new();
    let stream: TokioIo<TcpStream> = match settings.protocol() {
        ProxyProtocol::Http => {
            let mut tunnel = Tunnel::new(place, direct);
            if let Some(user) = settings.username() {
                let word = BASE64.encode(format!("{user}:{}", settings.password().unwrap_or_default()));
                let word = HeaderValue::try_from(format!("Basic {word}")).map_err(|error| failed(error.to_string()))?;
                tunnel = tunnel.with_auth(word);
            }
            tunnel.call(target).await.map_err(|error| failed(error.to_string()))?
        }
        _ => {
            let mut tunnel = SocksV5::new(place, direct);
            if let Some(user) = settings.username() {
                tunnel = tunnel.with_auth(user.to_owned(), settings.password().unwrap_or_default().to_owned());
            }
            tunnel.call(target).await.map_err(|error| failed(error.to_string()))?
        }
    };
    Ok(stream.into_inner())
}

fn uri(host: &str, port: u16) -> Result<Uri, hyper::http::uri::InvalidUri> {
    format!("http://{host}:{port}").parse()
}
