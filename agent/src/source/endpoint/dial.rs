//! The way to a server: its name, a connection, a proxy.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use crate::model::{Problem, Reason};

/// When a look as a whole has to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

/// Octets of what a proxy answers.
const MOST: usize = 16 << 10;

/// A connection to a server, by a proxy if there is one.
pub(super) async fn connect(
    server: &Address,
    proxy: Option<&Address>,
    deadline: Deadline,
) -> Result<TcpStream, Problem> {
    let Some(proxy) = proxy else {
        return direct(server, deadline).await;
    };
    let by_proxy = |problem: Problem| {
        let detail = format!("the proxy {proxy}: {}", problem.detail);
        Problem::new(problem.reason, detail)
    };
    let mut stream = direct(proxy, deadline).await.map_err(by_proxy)?;
    let tunnel = tunnel(&mut stream, server);
    let late = "it does not answer in time";
    let tunnelled = deadline
        .hold(late, tunnel)
        .await
        .and_then(|through| through);
    tunnelled.map_err(by_proxy)?;
    Ok(stream)
}

/// A connection to the first of its addresses that answers; each gets its share of the time.
pub(super) async fn direct(server: &Address, deadline: Deadline) -> Result<TcpStream, Problem> {
    let unreachable = |detail: String| Problem::new(Reason::Unreachable, detail);
    let Address { host, port } = server;
    let found = lookup_host((host.as_str(), *port));
    let addresses: Vec<SocketAddr> = deadline
        .hold("the name is not resolved in time", found)
        .await?
        .map_err(|_| unreachable("the name cannot be resolved".to_owned()))?
        .collect();
    let mut last = unreachable("the name has no address".to_owned());
    for (at, address) in addresses.iter().enumerate() {
        let share = deadline.share(addresses.len() - at);
        last = match share
            .hold("it does not answer in time", TcpStream::connect(address))
            .await
        {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => unreachable(format!("cannot connect: {}", error.kind())),
            Err(late) => late,
        };
    }
    Err(last)
}

/// Asks for a tunnel (RFC 9110, section 9.3.6). Not a byte more than the answer is read.
async fn tunnel(stream: &mut TcpStream, server: &Address) -> Result<(), Problem> {
    let failed = |detail: &'static str| Problem::new(Reason::Unreachable, detail);
    let cut = |_| failed("it ended the connection");
    let ask = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(cut)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MOST {
            return Err(failed("it answers without end"));
        }
        answer.push(stream.read_u8().await.map_err(cut)?);
    }
    let status = answer
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| answer.strip_prefix(b"HTTP/1.0 "));
    match status.and_then(|status| status.get(..3)) {
        Some([b'2', _, _]) => Ok(()),
        Some(code) if code.iter().all(u8::is_ascii_digit) => {
            let code = String::from_utf8_lossy(code).into_owned();
            let detail = format!("it refuses with status {code}");
            Err(Problem::new(Reason::Unreachable, detail))
        }
        _ => Err(failed("it does not speak HTTP/1.1")),
    }
}

// === impl Deadline ===

impl Deadline {
    pub(super) fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// The output, unless it is late.
    pub(super) async fn hold<T>(
        self,
        late: &'static str,
        future: impl Future<Output = T>,
    ) -> Result<T, Problem> {
        let held = timeout_at(self.0, future).await;
        held.map_err(|_| Problem::new(Reason::Timeout, late))
    }

    /// The end of the first of so many shares of what is left.
    fn share(self, shares: usize) -> Self {
        let left = self.0.saturating_duration_since(Instant::now());
        Self(Instant::now() + left / u32::try_from(shares).unwrap_or(u32::MAX))
    }
}
