//! Servers of a few lines, for what no well-behaved server does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use traffix_platforms::upstream::{Live, LiveOptions, Request};

/// A server that gives each connection the next answer, byte for byte, and keeps what it was asked.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// Closes each connection after its answer.
    pub(crate) fn answering(answers: Vec<Vec<u8>>) -> Self {
        Self::start(answers, false)
    }

    /// Says nothing more after the answers, and waits for the other side to give up.
    pub(crate) fn stalling(answers: Vec<Vec<u8>>) -> Self {
        Self::start(answers, true)
    }

    fn start(answers: Vec<Vec<u8>>, stall: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                    head.extend_from_slice(&byte);
                }
                heard.lock().unwrap().push(String::from_utf8(head).unwrap());
                // The client may hang up early: that is what some tests are about.
                let _ = stream.write_all(&answer);
                if stall {
                    let _ = stream.read(&mut byte);
                }
            }
        });
        Self { address, asked }
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::get(&format!("http://{}{path}", self.address))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// An answer with this body and these headers.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The network, private addresses allowed, with waits that a test can bear.
pub(crate) fn live() -> Live {
    Live::new(LiveOptions { allow_private: true, ..options() }).unwrap()
}

pub(crate) fn options() -> LiveOptions {
    LiveOptions { total_timeout: Duration::from_millis(500), ..LiveOptions::default() }
}
