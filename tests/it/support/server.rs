//! Servers that answer by script: a container engine on a socket of its own, a registry on a port of its own.
#![cfg(all(unix, feature = "test-fakes"))]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Sandbox;

/// Status, a header line with its line break or nothing, and the body.
pub(crate) type Answer = (u16, String, String);

/// Answers the requests of one connection: `METHOD path`, without the query and without the API's version.
fn serve(stream: impl Read + Write, answer: &dyn Fn(&str) -> Answer) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if !matches!(stream.read_line(&mut first), Ok(1..)) {
            return;
        }
        loop {
            let mut header = String::new();
            if !matches!(stream.read_line(&mut header), Ok(3..)) {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let _ = stream.read_exact(&mut vec![0; length]);
        let mut words = first.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let versioned = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        // the nodes of a kind cluster are asked for by a filter in the query
        let nodes = if target.contains("x-k8s.kind.cluster") { "?nodes" } else { "" };
        let (status, header, body) = answer(&format!("{method} {}{nodes}", versioned.unwrap_or(path)));
        let size = body.len();
        let body = if method == "HEAD" { "" } else { body.as_str() };
        let reply = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{header}content-length: {size}\r\n\r\n{body}");
        if stream.get_mut().write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// What the engine is, has and runs.
#[derive(Clone)]
pub(crate) struct Engine {
    pub api: &'static str,
    pub info: Value,
    pub containers: Value,
    /// The containers that are nodes of the kind cluster that is asked for.
    pub nodes: Value,
    /// Whether kubeadm has written its keys in the nodes.
    pub begun: bool,
    /// Whether it has every image that it is asked for.
    pub has_images: bool,
    /// The labels of images of ours, by a part of their names.
    pub kept: Value,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            api: "1.45",
            info: json!({"NCPU": 8, "MemTotal": 16_u64 << 30, "CgroupVersion": "2", "Architecture": "x86_64"}),
            containers: json!([]),
            nodes: json!([]),
            begun: true,
            has_images: true,
            kept: json!({}),
        }
    }
}

/// The requests that an engine got.
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// Those that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|request| !request.starts_with("GET ")).cloned().collect()
    }
}

impl Engine {
    /// Starts it for a sandbox. Its threads end with the tests' process.
    pub(crate) fn start(self, sandbox: &mut Sandbox) -> Seen {
        let path: PathBuf = sandbox.path("engine.sock");
        sandbox.set("DOCKER_HOST", &format!("unix://{}", path.display()));
        let listener = UnixListener::bind(path).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (engine, noted) = (self.clone(), Arc::clone(&noted));
                std::thread::spawn(move || {
                    serve(stream, &|request| {
                        let mut noted = noted.lock().unwrap();
                        noted.push(request.to_owned());
                        engine.answer(request, &noted)
                    });
                });
            }
        });
        Seen(seen)
    }

    fn labels_of(&self, image: &str) -> Option<&Value> {
        self.kept.as_object()?.iter().find(|(name, _)| image.contains(name.as_str())).map(|(_, labels)| labels)
    }

    fn answer(&self, request: &str, noted: &[String]) -> Answer {
        let ok = |body: &Value| (200, String::new(), body.to_string());
        match request {
            "GET /version" => ok(&json!({"ApiVersion": self.api, "Version": "27.5.1"})),
            "GET /info" => ok(&self.info),
            "GET /containers/json" => ok(&self.containers),
            "GET /containers/json?nodes" => {
                let gone = |node: &&Value| noted.contains(&format!("DELETE /containers/{}", node["Id"].as_str().unwrap_or_default()));
                let nodes: Vec<&Value> = self.nodes.as_array().into_iter().flatten().filter(|node| !gone(node)).collect();
                ok(&json!(nodes))
            }
            container if container.starts_with("DELETE /containers/") => (204, String::new(), String::new()),
            file if file.ends_with("/archive") && self.begun => (200, String::new(), String::new()),
            "POST /networks/create" => (201, String::new(), json!({"Id": "1", "Warning": ""}).to_string()),
            "GET /networks" | "GET /images/json" => ok(&json!([])),
            image if image.contains("/localhost/tstack-") => match self.labels_of(image) {
                Some(labels) => ok(&json!({"Id": "sha256:9", "Size": 1, "Config": {"Labels": labels}})),
                None => (404, String::new(), json!({"message": "no such image"}).to_string()),
            },
            image if image.starts_with("GET /images/") && self.has_images => ok(&json!({"Id": "sha256:1", "Size": 1})),
            _ => (404, String::new(), json!({"message": "no such thing"}).to_string()),
        }
    }
}

/// A server that only counts who comes, and hangs up.
pub(crate) struct Recorder {
    pub port: u16,
    count: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { port, count }
    }

    /// How many connections came until now. One of its own is the last of them: what came before it is counted by then.
    pub(crate) fn connections(&self) -> usize {
        let before = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // it hangs up when it has counted
        let _ = (&before).read(&mut [0]);
        self.count.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

/// A server on a port of this machine; gives its address.
pub(crate) fn registry(answer: fn(&str) -> Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream, &answer));
        }
    });
    address
}
