//! The closed list of protocols, and what is said in clear before TLS begins: data, but for two
//! ways of hearing.

use std::str::FromStr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::dial::Deadline;
use crate::model::{Problem, Reason};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TLS from the first byte on.
    Tls,
    /// The same, and HTTP is what would be spoken in it (RFC 7301).
    Https,
    /// STARTTLS of RFC 3207.
    Smtp,
    /// STARTTLS of RFC 9051, section 6.2.1.
    Imap,
    /// STLS of RFC 2595, section 4.
    Pop3,
    /// AUTH TLS of RFC 4217.
    Ftp,
    /// `SSLRequest` of `PostgreSQL`.
    Postgres,
    /// A file of certificates, by GET over HTTP or HTTPS.
    HttpFile,
}

/// One line of the table.
struct Row {
    protocol: Protocol,
    name: &'static str,
    /// The port where it usually is.
    port: u16,
    talk: &'static [Step],
}

/// One step of the talk in clear.
enum Step {
    Hear(fn(&[u8]) -> Heard),
    Say(&'static [u8]),
    /// The server's next byte must be this one, and the last before TLS.
    Byte(u8),
}

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// There is more of the same answer.
    More,
    Yes,
    No,
}

const TABLE: [Row; 8] = [
    Row {
        protocol: Protocol::Tls,
        name: "tls",
        port: 443,
        talk: &[],
    },
    Row {
        protocol: Protocol::Https,
        name: "https",
        port: 443,
        talk: &[],
    },
    Row {
        protocol: Protocol::Smtp,
        name: "smtp",
        port: 25,
        talk: &[
            Step::Hear(|line| reply(line, b"220")),
            // A name that no server has a reason to look up (RFC 2606).
            Step::Say(b"EHLO x509-certificate-exporter.invalid\r\n"),
            Step::Hear(|line| reply(line, b"250")),
            Step::Say(b"STARTTLS\r\n"),
            Step::Hear(|line| reply(line, b"220")),
        ],
    },
    Row {
        protocol: Protocol::Imap,
        name: "imap",
        port: 143,
        talk: &[
            Step::Hear(|line| word(line, b"* OK")),
            Step::Say(b"a STARTTLS\r\n"),
            Step::Hear(|line| match line {
                [b'*', b' ', ..] => Heard::More,
                line => word(line, b"a OK"),
            }),
        ],
    },
    Row {
        protocol: Protocol::Pop3,
        name: "pop3",
        port: 110,
        talk: &[
            Step::Hear(|line| word(line, b"+OK")),
            Step::Say(b"STLS\r\n"),
            Step::Hear(|line| word(line, b"+OK")),
        ],
    },
    Row {
        protocol: Protocol::Ftp,
        name: "ftp",
        port: 21,
        talk: &[
            Step::Hear(|line| reply(line, b"220")),
            Step::Say(b"AUTH TLS\r\n"),
            Step::Hear(|line| reply(line, b"234")),
        ],
    },
    Row {
        protocol: Protocol::Postgres,
        name: "postgres",
        port: 5432,
        talk: &[
            // Eight octets long, code 1234 5679.
            Step::Say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]),
            Step::Byte(b'S'),
        ],
    },
    Row {
        protocol: Protocol::HttpFile,
        name: "http_file",
        port: 0,
        talk: &[],
    },
];

/// Octets of all that a server says in clear.
const MOST: usize = 16 << 10;

/// A numbered answer of one or more lines (RFC 5321, section 4.2.1; RFC 959, section 4.2).
fn reply(line: &[u8], expected: &[u8]) -> Heard {
    let is_last = match line {
        [a, b, c, rest @ ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => {
            rest.first().is_none_or(|next| *next == b' ')
        }
        _ => false,
    };
    match is_last {
        false => Heard::More,
        true if line.starts_with(expected) => Heard::Yes,
        true => Heard::No,
    }
}

/// An answer that is one line.
fn word(line: &[u8], expected: &[u8]) -> Heard {
    let begins = line.get(..expected.len());
    if begins.is_some_and(|begin| begin.eq_ignore_ascii_case(expected)) {
        Heard::Yes
    } else {
        Heard::No
    }
}

// === impl Protocol ===

impl Protocol {
    /// Their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|row| row.name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The port where it usually is.
    pub fn port(self) -> u16 {
        self.row().port
    }

    /// Talks until the next that is said is TLS.
    pub(super) async fn begin(
        self,
        stream: &mut TcpStream,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let late = "connected, and it does not come to TLS in time";
        let talk = talk(self.row().talk, stream);
        deadline.hold(late, talk).await?
    }

    fn row(self) -> &'static Row {
        let row = TABLE.iter().find(|row| row.protocol == self);
        row.unwrap_or(&TABLE[0])
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let row = TABLE.iter().find(|row| row.name == text);
        row.map(|row| row.protocol).ok_or_else(|| {
            let known: Vec<_> = Self::names().collect();
            format!("`{text}` is none of {}", known.join(", "))
        })
    }
}

async fn talk(steps: &[Step], stream: &mut TcpStream) -> Result<(), Problem> {
    let failed = |detail: &'static str| Problem::new(Reason::HandshakeFailed, detail);
    let cut = |error: std::io::Error| {
        let detail = format!("it ended the connection before TLS began: {}", error.kind());
        Problem::new(Reason::HandshakeFailed, detail)
    };
    let mut heard: Vec<u8> = Vec::new();
    let mut total = 0;
    for step in steps {
        let hear = match step {
            Step::Say(words) => {
                stream.write_all(words).await.map_err(cut)?;
                continue;
            }
            Step::Byte(byte) => {
                let answer = stream.read_u8().await.map_err(cut)?;
                if answer != *byte {
                    return Err(failed("it refuses to begin TLS"));
                }
                continue;
            }
            Step::Hear(hear) => hear,
        };
        loop {
            if let Some(end) = memchr::memchr(b'\n', &heard) {
                let line: Vec<u8> = heard.drain(..=end).collect();
                match hear(line.trim_ascii_end()) {
                    Heard::More => continue,
                    Heard::Yes => break,
                    Heard::No => return Err(failed("it refuses to begin TLS")),
                }
            }
            let mut some = [0; 512];
            let length = stream.read(&mut some).await.map_err(cut)?;
            if length == 0 {
                return Err(failed("it ended the connection before TLS began"));
            }
            total += length;
            if total > MOST {
                return Err(failed("it talks without end before TLS begins"));
            }
            heard.extend_from_slice(&some[..length]);
        }
    }
    // What somebody on the way slipped in is no part of the talk.
    if heard.is_empty() {
        Ok(())
    } else {
        Err(failed("it goes on in clear after TLS was agreed upon"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_answer_ends_with_the_line_without_a_hyphen() {
        for (line, heard) in [
            ("220 ready", Heard::Yes),
            ("220", Heard::Yes),
            ("220-and more", Heard::More),
            ("what servers of FTP say between", Heard::More),
            (" 220 indented", Heard::More),
            ("554 no", Heard::No),
            ("2200", Heard::More),
            ("", Heard::More),
        ] {
            assert_eq!(reply(line.as_bytes(), b"220"), heard, "{line}");
        }
    }

    #[test]
    fn each_protocol_is_found_by_its_name() {
        for name in Protocol::names() {
            assert_eq!(name.parse::<Protocol>().unwrap().name(), name);
        }
        assert!("gopher".parse::<Protocol>().is_err());
    }
}
