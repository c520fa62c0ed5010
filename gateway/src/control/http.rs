//! `/metrics`, `/healthz` and `/readyz` over HTTP.
//!
//! A scraper is a stranger too: connections are few, each serves one request and ends after
//! [`CONNECTION_TIMEOUT`], however slowly the other side reads or writes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections served at the same time; a further one waits in the kernel's backlog.
const MAX_CONNECTIONS: usize = 32;
/// How long one connection may take from its first byte to its last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take over its request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Rest after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the endpoints show.
pub trait Report: Send + Sync + 'static {
    /// All metrics in Prometheus' text format.
    fn metrics(&self) -> String;

    /// Why the gateway is not ready, one reason a line; empty when it is.
    fn unready(&self) -> Vec<String>;
}

/// Why the endpoints can't be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {address}: {}", explanation(error))]
pub struct BindError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

fn explanation(error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there (see `ss -ltnp`); stop it, or set [metrics] listen to \
             a free port"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine doesn't have that address; set [metrics] listen to one it has"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE; set [metrics] listen to a higher port"
        }
        _ => return error.to_string(),
    };
    format!("{error}: {remedy}")
}

/// Opens the listening socket, so that a port in use is known before anything is attached.
///
/// # Errors
///
/// The address can't be bound.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| BindError { address, error })
}

/// Serves until the task is dropped.
pub async fn serve(listener: TcpListener, report: Arc<dyn Report>) {
    let service = TowerToHyperService::new(routes(report));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .expect("never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "metrics: a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = service.clone();
        tokio::spawn(async move {
            serve_one(stream, service).await;
            drop(place);
        });
    }
}

async fn serve_one(stream: TcpStream, service: TowerToHyperService<Router>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "metrics: connection ended early"),
        Err(_) => tracing::debug!("metrics: connection took too long"),
    }
}

fn routes(report: Arc<dyn Report>) -> Router {
    Router::new()
        .route("/", get(async || "/metrics\n/healthz\n/readyz\n"))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(report)
}

async fn metrics(State(report): State<Arc<dyn Report>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)],
        report.metrics(),
    )
}

async fn readyz(State(report): State<Arc<dyn Report>>) -> (StatusCode, String) {
    let reasons = report.unready();
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Fixed(Vec<String>);

    impl Report for Fixed {
        fn metrics(&self) -> String {
            "weir_build_info 1\n".to_owned()
        }

        fn unready(&self) -> Vec<String> {
            self.0.clone()
        }
    }

    async fn started(reasons: &[&str]) -> SocketAddr {
        let listener = bind("127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let report = Fixed(reasons.iter().map(|&reason| reason.to_owned()).collect());
        tokio::spawn(serve(listener, Arc::new(report)));
        address
    }

    async fn asked(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("listening");
        let request = format!("GET {path} HTTP/1.1\r\nHost: weir\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("read to the end");
        answer
    }

    #[tokio::test]
    async fn serves_metrics_and_health() {
        let address = started(&[]).await;
        let answer = asked(address, "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
        assert!(answer.ends_with("weir_build_info 1\n"), "{answer}");
        assert!(asked(address, "/healthz").await.ends_with("ok\n"));
        assert!(asked(address, "/readyz").await.ends_with("ready\n"));
        assert!(asked(address, "/nothing").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn readiness_says_what_is_missing() {
        let address = started(&["link 0: eth1 is down", "worker 1: no heartbeat"]).await;
        let answer = asked(address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(
            answer.ends_with("link 0: eth1 is down\nworker 1: no heartbeat\n"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_its_remedy() {
        let taken = bind("[::1]:0".parse().expect("an address"))
            .await
            .expect("a port");
        let address = taken.local_addr().expect("bound");
        let error = bind(address).await.expect_err("in use").to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("[metrics] listen"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_dropped() {
        let address = started(&[]).await;
        let mut stream = TcpStream::connect(address).await.expect("listening");
        stream.write_all(b"GET /metrics HT").await.expect("written");
        let mut answer = Vec::new();
        let closed = timeout(CONNECTION_TIMEOUT * 2, stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "the connection was held open");
    }
}
