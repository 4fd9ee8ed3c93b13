//! A server that answers by script, for tests.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Answers the requests of one connection. The script gets `METHOD path` without the query and gives the whole answer; an empty one breaks
/// the connection off.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: impl Fn(&str) -> String) {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut chunk).await else { return };
        seen.extend_from_slice(&chunk[..read]);
        // the engine tries TLS first (a handshake record begins with 22) and falls back at once when it is refused
        if seen.first() == Some(&22) {
            return;
        }
        // requests of these tests have no body that matters, or one in the same packet
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).into_owned();
            let mut words = head.split([' ', '\r']);
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let reply = answer(&format!("{method} {}", target.split('?').next().unwrap()));
            if reply.is_empty() || stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
            seen.clear();
        }
    }
}

/// An engine on a socket of its own.
pub(crate) struct Scripted {
    /// `unix://…`
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Scripted {
    /// Starts it; it ends with the test's runtime.
    pub(crate) fn start(answer: fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer));
            }
        });
        Self { address: format!("unix://{}", path.display()), _folder: folder }
    }

    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &str) -> String {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}
