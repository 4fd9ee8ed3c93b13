//! The small languages within the stack file: versions, chart references and addresses.

/// Says what is wrong with a chart's version.
pub(super) fn check_version(text: &str) -> Result<(), String> {
    match semver::Version::parse(text.strip_prefix('v').unwrap_or(text)) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`{text}` is not a semantic version such as `1.2.3` or `v1.2.3`: {error}")),
    }
}

/// Says what is wrong with the sum of an archive.
pub(super) fn check_digest(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    Err(format!("`{text}` is not a sum such as `sha256:` and 64 lower case hexadecimal digits"))
}

/// Says what is wrong with a chart reference.
pub(super) fn check_chart(text: &str) -> Result<(), String> {
    let fail = |why: &str| format!("`{text}` is not a chart reference such as `oci://ghcr.io/kedacore/charts/keda`: {why}");
    let rest = text.strip_prefix("oci://").ok_or_else(|| fail("it does not start with `oci://`"))?;
    let (host, path) = rest.split_once('/').ok_or_else(|| fail("it has no path"))?;
    if !(host == "localhost" || host.contains(['.', ':'])) {
        return Err(fail(&format!("`{host}` is not a registry's host")));
    }
    if path.contains([':', '@']) {
        return Err(fail("the version has a key of its own"));
    }
    super::ImageRef::parse(rest).map(drop).map_err(|error| fail(error.why()))
}

/// Says what is wrong with the address of a check or of an exposed service.
pub(super) fn check_url(text: &str) -> Result<(), String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("`{text}` is not a URL with `http://` or `https://`"));
    }
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if authority.contains('@') {
        return Err(format!("`{text}` holds a user's name; put it in a header"));
    }
    check_loopback(uri.host().unwrap_or_default())
}

/// Says what is wrong with `host:port`.
pub(super) fn check_address(text: &str) -> Result<(), String> {
    let parts = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok_and(|p| p > 0));
    let Some((host, _)) = parts else { return Err(format!("`{text}` is not an address such as `localhost:8443`")) };
    check_loopback(host)
}

fn check_loopback(host: &str) -> Result<(), String> {
    if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return Ok(());
    }
    Err(format!("`{host}` is not this machine: tstack sends requests only to `localhost`, `127.0.0.1` and `[::1]`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_sha256_in_lower_case() {
        assert_eq!(check_digest(&format!("sha256:{}", "0a".repeat(32))), Ok(()));
        for bad in ["", "sha256:", "sha512:00", &format!("sha256:{}", "0A".repeat(32)), &"0a".repeat(32)] {
            assert_eq!(
                check_digest(bad).unwrap_err(),
                format!("`{bad}` is not a sum such as `sha256:` and 64 lower case hexadecimal digits")
            );
        }
    }

    #[test]
    fn only_this_machine_may_be_asked() {
        for good in ["http://localhost:8080/a?b=1", "https://127.0.0.1", "http://[::1]:80/"] {
            assert_eq!(check_url(good), Ok(()));
        }
        for (bad, why) in [
            ("ftp://localhost/", "not a URL with `http://`"),
            ("localhost:8080", "not a URL with"),
            ("/api", "not a URL with"),
            ("http://example.com/", "`example.com` is not this machine"),
            ("http://localhost@example.com/", "holds a user's name"),
            ("http://localhost.example.com/", "is not this machine"),
            ("http://127.0.0.2/", "is not this machine"),
            ("http://a b/", "is not a URL"),
            ("", "is not a URL"),
        ] {
            let error = check_url(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert_eq!(check_address("[::1]:8443"), Ok(()));
        assert!(check_address("localhost").unwrap_err().contains("not an address"));
        assert!(check_address("10.0.0.1:1").unwrap_err().contains("is not this machine"));
    }

    #[test]
    fn charts_and_versions_say_what_is_wrong() {
        assert_eq!(check_chart("oci://quay.io/jetstack/charts/cert-manager"), Ok(()));
        for (bad, why) in [
            ("https://charts.jetstack.io", "does not start with `oci://`"),
            ("oci://quay.io", "has no path"),
            ("oci://jetstack/cert-manager", "`jetstack` is not a registry's host"),
            ("oci://quay.io/a:1", "the version has a key of its own"),
            ("oci://quay.io/A", "a path has"),
        ] {
            let error = check_chart(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert_eq!(check_version("v1.9.1"), Ok(()));
        assert!(check_version("1.9").unwrap_err().contains("not a semantic version"));
    }
}
