//! The peer of the live room: bare `socketioxide`, which sends everybody in a room an update as
//! long as ours, so many times a second, once all who are awaited are in; and does nothing else.

use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many are in.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// As long as what the house says of a ladder auction, but for the time in it.
const REST: &str = "\"auction_id\":1,\"version\":1000,\"state\":\"open\",\"high_bid\":100000,\
    \"minimum_next\":102500,\"top_bids\":[{\"paddle\":1,\"amount\":100000,\"bid\":1000}],\
    \"leader\":1,\"bid_count\":997,\"bidder_count\":1,\"participant_count\":10000,\
    \"effective_end\":\"2027-01-15T08:00:00.000000Z\",\"extended\":false";

/// Serves until it is killed; says where on the standard output.
pub(crate) fn serve(every: Duration, awaited: usize) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (layer, io) = SocketIo::new_layer();
        io.ns("/", async |socket: SocketRef| {
            socket.on("join_auction", async |socket: SocketRef| {
                socket.join("1");
                drop(socket.emit("joined_auction", &()));
                INSIDE.fetch_add(1, Ordering::AcqRel);
            });
            // This runs after a client was let in: what he says before it ends is heard by nobody.
            drop(socket.emit("connected", &()));
        });
        let update = async move {
            let mut times = tokio::time::interval(every);
            loop {
                times.tick().await;
                if INSIDE.load(Ordering::Acquire) < awaited {
                    continue;
                }
                let now = jiff::Timestamp::from_microsecond(crate::clock::wall_micros());
                let now = now.map(|now| format!("{now:.6}")).unwrap_or_default();
                let text = format!(
                    "{{\"from_version\":1000,{REST},\"server_time\":\"{now}\",\
                     \"you_are_winning\":false}}"
                );
                let raw = serde_json::value::RawValue::from_string(text).expect("JSON");
                // Whoever has gone does not hear it.
                drop(io.within("1").emit("bid_update", &raw).await);
            }
        };
        let router = axum::Router::new()
            .route("/health/ready", axum::routing::get(async || "{}"))
            .layer(layer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let nodelay = axum::serve::ListenerExt::tap_io(listener, |stream| {
            drop(stream.set_nodelay(true));
        });
        tokio::select! {
            served = axum::serve(nodelay, router) => served,
            () = update => Ok(()),
        }
    })
}
