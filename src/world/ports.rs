//! Who listens on a port.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::engine::Container;
use crate::failure::Failure;

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A container publishes it.
    Container {
        /// The container's name.
        name: String,
        /// The kind cluster that it is a node of, if any.
        cluster: Option<String>,
    },
    /// A program of this machine.
    Process {
        /// Its process id.
        pid: u32,
        /// Its program, without arguments (they may hold secrets).
        program: String,
    },
    /// Somebody who cannot be seen with our rights.
    Unknown,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container { name, cluster: None } => write!(f, "the container {name}"),
            Self::Container { name, cluster: Some(cluster) } => write!(f, "the container {name} of the kind cluster {cluster}"),
            Self::Process { pid, program } => write!(f, "{program} (process {pid})"),
            Self::Unknown => f.write_str("a program that is not ours to see"),
        }
    }
}

impl Owner {
    /// What a person can do to get the port free or to learn more.
    #[must_use]
    pub fn hint(&self, port: u16) -> String {
        match self {
            Self::Container { name, cluster: None } => format!("Stop it with `docker stop {name}`, or choose another port."),
            Self::Container { cluster: Some(cluster), .. } => {
                format!("Stop or delete that cluster (`kind delete cluster --name {cluster}` loses it), or choose another port.")
            }
            Self::Process { pid, .. } => format!("See `ps -p {pid} -o args`; stop it, or choose another port."),
            Self::Unknown if cfg!(target_os = "linux") => {
                format!("See `sudo ss -ltnp 'sport = :{port}'`; stop it, or choose another port.")
            }
            Self::Unknown if cfg!(windows) => format!("See `netstat -abno | findstr :{port}`; stop it, or choose another port."),
            Self::Unknown => format!("See `sudo lsof -nP -iTCP:{port} -sTCP:LISTEN`; stop it, or choose another port."),
        }
    }
}

/// A port of 127.0.0.1 that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free() -> Result<u16, Failure> {
    let bound = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|e| Failure::step("there is no free port on 127.0.0.1").because(&e))
}

/// Who listens on a port of 127.0.0.1, by itself or by listening everywhere; `None` when it is free. `containers` are those that run now, so
/// that a port which the engine publishes is told by the container's name.
///
/// # Errors
/// A preflight failure when the system does not let us ask: ports below 1024 need special rights on some systems.
pub fn who_listens(port: u16, containers: &[Container]) -> Result<Option<Owner>, Failure> {
    if is_free(port)? {
        return Ok(None);
    }
    // first the container: the process behind it is only the engine's proxy
    Ok(Some(publisher(port, containers).or_else(|| listener(port)).unwrap_or(Owner::Unknown)))
}

/// Whether 127.0.0.1 takes a listener and answers nobody else.
fn is_free(port: u16) -> Result<bool, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(address) {
        Ok(listener) => drop(listener),
        Err(e) if e.kind() == ErrorKind::AddrInUse => return Ok(false),
        Err(e) => return Err(Failure::preflight(format!("cannot listen on {address}")).because(&e).hint(below_1024(port))),
    }
    // BSD systems let us bind beside somebody who listens on all addresses; then a connection tells
    let answered = TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok_and(|stream| {
        // TCP can connect a port to itself when the system picks that very port for our end
        stream.local_addr().ok() != Some(address)
    });
    Ok(!answered)
}

fn below_1024(port: u16) -> &'static str {
    if port < 1024 { "Choose a port from 1024 on: lower ones need special rights." } else { "Choose another port." }
}

/// The container that publishes the port.
fn publisher(port: u16, containers: &[Container]) -> Option<Owner> {
    let reaches_loopback = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::" | "127.0.0.1");
    let container = containers.iter().find(|c| c.ports.iter().any(|p| p.host_port == port && reaches_loopback(&p.host_ip)))?;
    Some(Owner::Container { name: container.name.clone(), cluster: container.kind_cluster().map(str::to_owned) })
}

/// The process that listens, as far as we may see it.
#[cfg(target_os = "linux")]
fn listener(port: u16) -> Option<Owner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes: Vec<u64> = tables.iter().filter_map(|t| fs_err::read_to_string(t).ok()).flat_map(|t| listening_inodes(&t, port)).collect();
    let wanted: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if wanted.is_empty() {
        return None;
    }
    let holds_socket = |pid: u32| {
        // the files of other users are hidden from us, which leaves the owner unknown
        let mut files = fs_err::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.any(|file| fs_err::read_link(file.path()).is_ok_and(|target| wanted.iter().any(|w| target.as_os_str() == w.as_str())))
    };
    let pids = fs_err::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.into_iter().find(|pid| holds_socket(*pid))?;
    let command = fs_err::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let name = fs_err::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Owner::Process { pid, program: program_of(&command, &name) })
}

#[cfg(not(target_os = "linux"))]
fn listener(_port: u16) -> Option<Owner> {
    None
}

/// The inodes of sockets that listen on a port of loopback or of all addresses; the format is in proc(5), `/proc/net/tcp`.
#[cfg(any(target_os = "linux", test))]
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    // the kernel writes each 32 bit word in the byte order of the machine, which is little endian on all that run kind
    const REACHING_LOOPBACK: [&str; 5] = [
        "00000000",
        "0100007F",
        "00000000000000000000000000000000",
        "00000000000000000000000001000000",
        "0000000000000000FFFF00000100007F",
    ];
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, hex_port) = fields.get(1)?.split_once(':')?;
        let ours = u16::from_str_radix(hex_port, 16).ok()? == port && REACHING_LOOPBACK.contains(&address);
        if !ours || *fields.get(3)? != LISTEN {
            return None;
        }
        fields.get(9)?.parse().ok()
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// The program's name from `/proc/<pid>/cmdline` (arguments end with NUL), or from `comm` where a process has cleared it.
#[cfg(any(target_os = "linux", test))]
fn program_of(command_line: &str, comm: &str) -> String {
    let first = command_line.split('\0').next().unwrap_or_default();
    // some servers write a sentence there (`nginx: master process`)
    let name = first.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if name.is_empty() { comm.trim().to_owned() } else { name.trim_end_matches(':').to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::engine::PublishedPort;
    use super::*;

    fn node(host_ip: &str, host_port: u16) -> Container {
        Container {
            name: "tstack-control-plane".into(),
            labels: BTreeMap::from([("io.x-k8s.kind.cluster".into(), "tstack".into())]),
            ports: vec![PublishedPort { host_ip: host_ip.into(), host_port, container_port: 30080 }],
            ..Container::default()
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_that_we_listen_on_is_ours_until_we_stop() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let owner = who_listens(port, &[]).unwrap().unwrap();
            let Owner::Process { pid, program } = &owner else { panic!("{address}: {owner:?}") };
            assert_eq!(*pid, std::process::id(), "{address}");
            assert!(program.starts_with("tstack"), "{program}");
            drop(listener);
            assert_eq!(who_listens(port, &[]).unwrap(), None, "{address}");
        }
    }

    #[test]
    fn a_published_port_is_told_by_its_container() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let owner = who_listens(port, &[node("127.0.0.1", port)]).unwrap().unwrap();
        assert_eq!(owner.to_string(), "the container tstack-control-plane of the kind cluster tstack");
        assert!(owner.hint(port).contains("kind delete cluster --name tstack"), "{}", owner.hint(port));
    }

    #[test]
    fn a_container_on_another_address_does_not_own_the_port() {
        assert_eq!(publisher(8080, &[node("192.168.1.4", 8080), node("127.0.0.1", 8443)]), None);
        assert!(publisher(8080, &[node("0.0.0.0", 8080)]).is_some());
    }

    #[test]
    fn only_listeners_that_reach_loopback_count() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0401A8C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
   3: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 444 1 0
   4: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 555 1 0 100 0 0 10 0
   5: broken
";
        assert_eq!(listening_inodes(table, 8080), [111, 444]);
        assert_eq!(listening_inodes(table, 80), [555]);
    }

    #[test]
    fn a_program_is_named_without_its_arguments() {
        assert_eq!(program_of("/usr/bin/python3\0-m\0http.server\0--token=x\0", "python3\n"), "python3");
        assert_eq!(program_of("nginx: master process /usr/sbin/nginx\0", "nginx\n"), "nginx");
        assert_eq!(program_of("", "kworker\n"), "kworker");
    }

    #[test]
    fn an_unknown_owner_comes_with_the_command_that_finds_it() {
        assert!(Owner::Unknown.hint(8080).contains("8080"));
    }
}
