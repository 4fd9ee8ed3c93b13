//! Configuration from the environment, checked as a whole before anything starts.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// The longest name or version: what a Kubernetes label value may hold.
const MAX_NAME: usize = 63;

/// What the environment asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 lets the system pick one.
    pub port: u16,
    /// The `service` label of the metrics.
    pub service: String,
    /// The version this deployment answers as.
    pub version: String,
    /// How long requests in flight may finish after SIGTERM.
    pub drain: Duration,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Every variable that cannot be used, one message each.
    pub fn from_env() -> Result<Self, Vec<String>> {
        Self::from_lookup(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }

    /// Reads variables through `lookup`.
    ///
    /// # Errors
    /// Every variable that cannot be used, one message each.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let host = address(&lookup, "HOST", Ipv4Addr::UNSPECIFIED.into());
        let port = number(&lookup, "PORT", 8000, 0..=u16::MAX);
        let service = name(&lookup, "SERVICE_NAME", "task-api");
        let version = name(&lookup, "API_VERSION", "v1");
        let drain = number(&lookup, "DRAIN_SECONDS", 10, 0..=3600_u16);
        match (host, port, service, version, drain) {
            (Ok(host), Ok(port), Ok(service), Ok(version), Ok(drain)) => {
                let drain = Duration::from_secs(drain.into());
                Ok(Self { host, port, service, version, drain })
            }
            (host, port, service, version, drain) => {
                let errors = [host.err(), port.err(), service.err(), version.err(), drain.err()];
                Err(errors.into_iter().flatten().collect())
            }
        }
    }
}

fn address(
    lookup: impl Fn(&str) -> Option<String>,
    variable: &str,
    default: IpAddr,
) -> Result<IpAddr, String> {
    let Some(text) = lookup(variable) else { return Ok(default) };
    text.parse().map_err(|_| format!("{variable} must be an IP address, not {text:?}"))
}

fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    lookup: impl Fn(&str) -> Option<String>,
    variable: &str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let Some(text) = lookup(variable) else { return Ok(default) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        format!(
            "{variable} must be a number from {} to {}, not {text:?}",
            range.start(),
            range.end()
        )
    })
}

fn name(
    lookup: impl Fn(&str) -> Option<String>,
    variable: &str,
    default: &str,
) -> Result<String, String> {
    let text = lookup(variable).unwrap_or_else(|| default.to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=MAX_NAME).contains(&text.len()) && text.chars().all(plain) {
        Ok(text)
    } else {
        Err(format!(
            "{variable} must be 1 to {MAX_NAME} letters, digits, dots, dashes or underscores, not {text:?}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let config = from(&[]).unwrap();
        assert_eq!(config.host, Ipv4Addr::UNSPECIFIED);
        assert_eq!((config.port, config.drain), (8000, Duration::from_secs(10)));
        assert_eq!((config.service.as_str(), config.version.as_str()), ("task-api", "v1"));
    }

    #[test]
    fn every_bad_variable_is_named_at_once() {
        let bad = [
            ("HOST", "localhost"),
            ("PORT", "65536"),
            ("SERVICE_NAME", ""),
            ("API_VERSION", "v 2"),
            ("DRAIN_SECONDS", "-1"),
        ];
        let errors = from(&bad).unwrap_err();
        let named: Vec<_> = errors.iter().filter_map(|error| error.split(' ').next()).collect();
        assert_eq!(named, bad.map(|(name, _)| name));
        assert_eq!(errors[0], "HOST must be an IP address, not \"localhost\"");
        assert_eq!(errors[1], "PORT must be a number from 0 to 65535, not \"65536\"");
    }
}
