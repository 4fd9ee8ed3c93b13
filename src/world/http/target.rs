//! What may be connected to: loopback, and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{HttpError, Phase};

/// A server on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address as it was given, for messages.
    pub url: String,
    /// Whether TLS is spoken.
    pub secure: bool,
    /// The host, without brackets; also the name that the certificate must hold.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Path and query for the request line; `/` where none was given.
    pub path: String,
}

impl Target {
    /// Reads `http://` and `https://` addresses.
    ///
    /// # Errors
    /// When it is not such an address, or the host is not this machine's loopback.
    pub fn from_url(url: &str) -> Result<Self, HttpError> {
        let fail = |cause: String| HttpError::new(url, Phase::Address, cause);
        let uri: http::Uri = url.parse().map_err(|e| fail(format!("not a URL: {e}")))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(fail(format!("`{other}` is not spoken here, only http and https"))),
            None => return Err(fail("it must start with http:// or https://".into())),
        };
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Self::checked(url, secure, host, port, path)
    }

    /// Reads `host:port` for a TLS handshake.
    ///
    /// # Errors
    /// As [`Target::from_url`].
    pub fn from_address(address: &str) -> Result<Self, HttpError> {
        let fail = |cause: &str| HttpError::new(address, Phase::Address, cause);
        let authority: http::uri::Authority = address.parse().map_err(|_| fail("it must be `host:port`"))?;
        let port = authority.port_u16().ok_or_else(|| fail("it must be `host:port`; the port is missing"))?;
        Self::checked(address, true, authority.host(), port, "/")
    }

    fn checked(url: &str, secure: bool, host: &str, port: u16, path: &str) -> Result<Self, HttpError> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let target = Self { url: url.to_owned(), secure, host, port, path: path.to_owned() };
        if target.addresses().is_empty() {
            let cause = format!(
                "`{}` is not this machine: checks send requests only to localhost, names below `.localhost` and loopback addresses",
                target.host
            );
            return Err(HttpError::new(url, Phase::Address, cause));
        }
        Ok(target)
    }

    /// The addresses to try, in order; empty for a host that is not loopback.
    ///
    /// `localhost` and names below it are loopback by RFC 6761 section 6.3, so no resolver is asked.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let hosts: Vec<IpAddr> = match self.host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() => vec![ip],
            Err(_) if self.host == "localhost" || self.host.ends_with(".localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            _ => Vec::new(),
        };
        hosts.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect()
    }

    /// The `Host` header: without the port where it is the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = Target::from_url("https://localhost:8443/api/tasks?all=1").unwrap();
        assert_eq!((target.secure, target.host.as_str(), target.port, target.path.as_str()), (true, "localhost", 8443, "/api/tasks?all=1"));
        assert_eq!(target.authority(), "localhost:8443");
        assert_eq!(Target::from_url("http://127.0.0.1").unwrap().authority(), "127.0.0.1");
        assert_eq!(Target::from_url("http://[::1]:8080/").unwrap().authority(), "[::1]:8080");
    }

    #[test]
    fn localhost_is_tried_by_ipv4_first() {
        let addresses = Target::from_address("task-api.localhost:8443").unwrap().addresses();
        assert_eq!(addresses, ["127.0.0.1:8443".parse().unwrap(), "[::1]:8443".parse().unwrap()]);
    }

    #[test]
    fn other_machines_and_other_schemes_are_refused() {
        for (url, why) in [
            ("http://example.com/", "`example.com` is not this machine"),
            ("http://10.0.0.1/", "`10.0.0.1` is not this machine"),
            ("http://localhost.example.com/", "is not this machine"),
            ("http://0.0.0.0:8080/", "is not this machine"),
            ("ftp://localhost/", "`ftp` is not spoken here"),
            ("localhost:8080", "http:// or https://"),
            ("http://local host/", "not a URL"),
        ] {
            let error = Target::from_url(url).unwrap_err();
            assert_eq!(error.phase, Phase::Address);
            assert!(error.to_string().contains(why), "{url}: {error}");
        }
        assert!(Target::from_address("localhost").unwrap_err().to_string().contains("the port is missing"));
    }
}
