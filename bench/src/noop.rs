//! The peer that does nothing: bare axum, the same route, the same request, a reply of the size of
//! an accepted bid's, or of an auction's. What Gavel's throughput is a share of.

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};

/// As long as the reply to an accepted bid.
const BODY: &str = "{\"auction\":1000,\"bid\":100,\"version\":100,\"standing\":\"leading\",\
    \"price\":130000,\"minimum_next\":132500,\"effective_end\":\"2027-01-15T08:00:00.000000Z\",\
    \"extended\":false,\"server_time\":\"2027-01-14T08:00:00.000000Z\",\
    \"operation\":\"1000-00000000000000000000000000000000\"}";

async fn answer(_body: Bytes) -> impl IntoResponse {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], BODY)
}

/// Serves until it is killed; says where on the standard output. A GET gets a body of that length.
pub(crate) fn serve(length: usize) -> std::io::Result<()> {
    let body = Bytes::from("x".repeat(length));
    let show = async move || ([(header::CONTENT_TYPE, "application/json")], body.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let router = Router::new()
            .route("/v1/auctions/{id}/bids", post(answer))
            .route("/v1/auctions/{id}", get(show))
            .route("/health/ready", get(async || "{}"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                // Without it an answer waits for the acknowledgement of the one before.
                drop(stream.set_nodelay(true));
            }),
            router,
        )
        .await
    })
}
