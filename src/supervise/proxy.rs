//! What stands where Envoy Gateway looks for Envoy: it hands Envoy's arguments to the supervisor, which runs the real one outside of
//! Envoy Gateway's network, and carries that Envoy's connections to the xDS server in there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::SUPERVISOR;
use super::wire::{Answer, Ask, Carrying};
use crate::daemon;
use crate::failure::Failure;
use crate::world::backoff::Backoff;

/// Where Envoy Gateway serves xDS; it cannot be told another.
const XDS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 18000);

/// Stands in for Envoy with these arguments, for as long as the supervisor lives.
///
/// # Errors
/// When no supervisor runs for the state folder, or it cannot use the arguments.
pub async fn proxy(state: &Path, args: &[String]) -> Result<(), Failure> {
    let Some(mut supervisor) = daemon::connect(SUPERVISOR, state, &Ask::Envoy { args: args.to_vec() }).await? else {
        return Err(Failure::step(format!("no supervisor runs for {}", state.display())));
    };
    let lost = |e: &io::Error| Failure::step("the supervisor is gone").because(e);
    let mut line = String::new();
    supervisor.read_line(&mut line).await.map_err(|e| lost(&e))?;
    let socket = match serde_json::from_str(&line) {
        Ok(Answer::Carry { socket }) => socket,
        Ok(Answer::Failed { failure }) => return Err(failure),
        Ok(_) => return Err(Failure::internal("the supervisor gave an answer to another question")),
        Err(e) => return Err(Failure::step("the supervisor's answer cannot be read").because(&e)),
    };
    // the socket of a launcher before this one
    drop(fs_err::remove_file(&socket));
    let listener = UnixListener::bind(&socket).map_err(|e| Failure::step(format!("cannot listen on {}", socket.display())).because(&e))?;
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs_err::set_permissions(&socket, owner_only).map_err(|e| Failure::step("cannot close the socket to others").because(&e))?;
    let mut said = serde_json::to_vec(&Carrying {}).unwrap_or_default();
    said.push(b'\n');
    supervisor.get_mut().write_all(&said).await.map_err(|e| lost(&e))?;
    tokio::select! {
        () = carry(&listener) => {}
        () = gone(&mut supervisor) => {}
    }
    Ok(())
}

async fn gone(supervisor: &mut BufReader<UnixStream>) {
    let mut line = String::new();
    // it says nothing more
    let _ = supervisor.read_line(&mut line).await;
}

async fn carry(listener: &UnixListener) {
    let mut open = JoinSet::new();
    let mut backoff = Backoff::new();
    loop {
        match listener.accept().await {
            Ok((mut envoy, _)) => {
                open.spawn(async move {
                    // Envoy tries again by itself
                    let Ok(mut xds) = TcpStream::connect(XDS).await else { return };
                    let _ = xds.set_nodelay(true);
                    let _ = copy_bidirectional(&mut envoy, &mut xds).await;
                });
            }
            // out of file descriptors: nothing announces that there are some again
            Err(_) => backoff.pause().await,
        }
        while open.try_join_next().is_some() {}
    }
}
