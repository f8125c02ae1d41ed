//! The agent as a process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_x509-certificate-exporter");
const DEADLINE: Duration = Duration::from_secs(60);

/// The agent, running; ended when dropped.
pub(crate) struct Agent {
    child: Child,
    address: String,
}

impl Agent {
    /// Starts it on a free port and waits until it listens.
    pub(crate) fn start(config: &Path) -> Self {
        let mut child = Command::new(BINARY)
            .arg("--config")
            .arg(config)
            .args(["--listen-address", "127.0.0.1:0", "--log-format", "json"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, behind) = line.split_once("\"address\":\"")?;
            Some(behind.split_once('"')?.0.to_owned())
        });
        let address = listening.expect("the agent says where it listens");
        // The log goes on being read, so that the agent never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Head and body of what it answers to a path, which may be any bytes; nothing where it hangs up.
    pub(crate) fn get(&self, path: &[u8]) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request = b"GET ".to_vec();
        request.extend_from_slice(path);
        request.extend_from_slice(b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        // Who is told nonsense may hang up before it has read all of it.
        stream.write_all(&request).ok()?;
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.to_owned(), body.to_owned()))
    }

    /// The exposition.
    pub(crate) fn metrics(&self) -> String {
        let (head, body) = self.get(b"/metrics").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body
    }

    /// The exposition once it is as it should be.
    pub(crate) fn wait_until(&self, what: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let metrics = self.metrics();
            if what(&metrics) {
                return metrics;
            }
            assert!(begun.elapsed() < DEADLINE, "waited in vain:\n{metrics}");
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
