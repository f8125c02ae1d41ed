//! An API server that says what it is told to, line by line, to whoever watches.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Starts it and writes a kubeconfig that leads there.
pub(crate) fn serve(lines: Vec<Vec<u8>>, kubeconfig: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n"
    );
    std::fs::write(kubeconfig, text).unwrap();
    let lines = Arc::new(lines);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let lines = Arc::clone(&lines);
            thread::spawn(move || answer(stream.unwrap(), &lines));
        }
    });
}

/// A list that is streamed, or a watch in which nothing happens. Nothing when the agent hangs up.
fn answer(mut stream: TcpStream, lines: &[Vec<u8>]) -> Option<()> {
    let head = BufReader::new(stream.try_clone().ok()?).lines();
    let head: Vec<_> = head
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let begin = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    stream.write_all(begin).ok()?;
    if head.first()?.contains("sendInitialEvents=true") {
        for line in lines {
            stream.write_all(line).ok()?;
            stream.write_all(b"\n").ok()?;
        }
    }
    // Until the agent is gone.
    BufReader::new(stream).lines().for_each(drop);
    Some(())
}
