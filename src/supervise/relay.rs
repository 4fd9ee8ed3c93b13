//! Exposed Services that no Gateway stands before: their port on loopback is ours, and each connection goes to one of the
//! processes behind the Service.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::core::Core;
use crate::host::Exposed;
use crate::world::backoff::Backoff;
use crate::world::ports::who_listens;

/// All relays, by their ports.
#[derive(Debug, Default)]
pub(super) struct Relays(BTreeMap<u16, Relay>);

#[derive(Debug)]
struct Relay {
    to: watch::Sender<Vec<SocketAddr>>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Core {
    /// Listens for the exposed Services, and tells the relays where they lead now.
    pub(super) fn reconcile_relays(&mut self) {
        let services = self.layout.exposed.iter().filter_map(|(port, exposed)| match exposed {
            Exposed::Service(key) => Some((*port, self.layout.services.get(key).cloned().unwrap_or_default())),
            _ => None,
        });
        let wanted: BTreeMap<u16, Vec<SocketAddr>> = services.collect();
        self.relays.0.retain(|port, _| wanted.contains_key(port));
        for (port, addresses) in wanted {
            if let Some(relay) = self.relays.0.get(&port) {
                relay.to.send_replace(addresses);
                continue;
            }
            match open(port, addresses) {
                Ok(relay) => drop(self.relays.0.insert(port, relay)),
                Err(e) => {
                    let owner = who_listens(port, &[]).ok().flatten().map(|owner| format!(", which is held by {owner}"));
                    let note = format!("cannot listen on port {port}{}: {e}", owner.unwrap_or_default());
                    if self.notes.insert(note.clone()) {
                        (self.log)(&note);
                    }
                }
            }
        }
    }
}

fn open(port: u16, addresses: Vec<SocketAddr>) -> std::io::Result<Relay> {
    let (to, from) = watch::channel(addresses);
    let first = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    // not every machine has this one
    let second = listen(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).ok();
    let turn = Arc::new(AtomicUsize::new(0));
    let relay = |listener| AbortOnDropHandle::new(tokio::spawn(relay(listener, from.clone(), turn.clone())));
    Ok(Relay { to, _tasks: std::iter::once(first).chain(second).map(relay).collect() })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn relay(listener: TcpListener, to: watch::Receiver<Vec<SocketAddr>>, turn: Arc<AtomicUsize>) {
    let mut open = JoinSet::new();
    let mut backoff = Backoff::new();
    loop {
        match listener.accept().await {
            Ok((mut client, _)) => {
                let (to, first) = (to.clone(), turn.fetch_add(1, Relaxed));
                open.spawn(async move {
                    let Some(mut process) = connect(&to, first).await else { return };
                    let _ = (client.set_nodelay(true), process.set_nodelay(true));
                    let _ = copy_bidirectional(&mut client, &mut process).await;
                });
            }
            // out of file descriptors: nothing announces that there are some again
            Err(_) => backoff.pause().await,
        }
        while open.try_join_next().is_some() {}
    }
}

/// A connection to one of the processes: each in turn, the next where one does not take it.
async fn connect(to: &watch::Receiver<Vec<SocketAddr>>, first: usize) -> Option<TcpStream> {
    let addresses = to.borrow().clone();
    for step in 0..addresses.len() {
        if let Ok(stream) = TcpStream::connect(addresses[(first + step) % addresses.len()]).await {
            return Some(stream);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_connection_goes_to_a_process_that_takes_it() {
        let process = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let _relay = super::open(free, vec![gone, process.local_addr().unwrap()]).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", free)).await.unwrap();
        client.write_all(b"hi").await.unwrap();
        let (mut taken, _) = process.accept().await.unwrap();
        let mut heard = [0; 2];
        taken.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hi");
    }
}
