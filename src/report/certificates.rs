//! The certificates of a stack, for people.

use std::fmt::Write;

use jiff::Timestamp;

use crate::status::{CertificateStatus, Certificates};

use super::text::neutralise;
use super::{Paint, plural, table};

/// The text of a stack's certificates, ending in a line break; `now` tells how long they last.
#[must_use]
pub fn certificates(of: &Certificates, now: Timestamp, width: Option<usize>, paint: Paint) -> String {
    let mut text = String::new();
    match &of.authority {
        None => {
            let _ = writeln!(text, "{} has no local CA yet; `tstack up` makes it where the stack has certificates", paint.bold(&of.name));
        }
        Some(authority) => {
            let _ = writeln!(text, "the local CA of {}", paint.bold(&neutralise(&of.name)));
            let mut fact = |name: &str, value: &str| {
                let _ = writeln!(text, "  {name:<12} {value}");
            };
            fact("subject", &neutralise(&authority.certificate.subject));
            fact("fingerprint", &format!("sha256 {}", authority.certificate.fingerprint));
            fact("valid", &lasts(&authority.certificate, now, paint));
            let bounds = if authority.signs_for.is_empty() { "any name".to_owned() } else { neutralise(&authority.signs_for.join(", ")) };
            fact("signs for", &bounds);
            fact("file", &neutralise(&authority.file));
            match &authority.trusted {
                Some(anchor) => fact("trusted", &format!("{}, as {}", paint.good("by this system"), neutralise(anchor))),
                None => fact("trusted", "not by this system; `tstack certs trust` changes that"),
            }
        }
    }
    if !of.leaves.is_empty() {
        let rows: Vec<_> = of
            .leaves
            .iter()
            .map(|leaf| {
                let (names, valid) = match (&leaf.certificate, &leaf.reason) {
                    (Some(certificate), _) => (certificate.names.join(", "), lasts(certificate, now, paint)),
                    (None, reason) => ("-".to_owned(), paint.warn(&neutralise(reason.as_deref().unwrap_or("unknown")))),
                };
                vec![neutralise(&leaf.component), neutralise(&leaf.secret), neutralise(&leaf.issuer), neutralise(&names), valid]
            })
            .collect();
        let _ = write!(text, "\n{}", table(&["certificate", "secret", "issued by", "names", "valid"], &rows, width, paint));
    }
    text
}

/// `until 2027-01-01, 364 days`.
fn lasts(certificate: &CertificateStatus, now: Timestamp, paint: Paint) -> String {
    let until = certificate.not_after.strftime("%Y-%m-%d");
    let days = certificate.not_after.duration_since(now).as_hours() / 24;
    if certificate.not_after < now {
        return paint.bad(&format!("no longer: it ended on {until}"));
    }
    if now < certificate.not_before {
        return paint.bad(&format!("not yet: from {} on", certificate.not_before));
    }
    let left = plural(usize::try_from(days).unwrap_or_default(), "day");
    let text = format!("until {until}, {left}");
    if days < 30 { paint.warn(&text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{AuthorityStatus, LeafStatus};

    fn certificate(subject: &str, names: &[&str], until: &str) -> CertificateStatus {
        CertificateStatus {
            subject: subject.into(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            fingerprint: "5f3a".into(),
            not_before: "2025-12-31T00:00:00Z".parse().unwrap(),
            not_after: until.parse().unwrap(),
        }
    }

    fn shown(of: &Certificates) -> String {
        certificates(of, "2026-12-20T00:00:00Z".parse().unwrap(), None, Paint { color: false, unicode: true })
    }

    #[test]
    fn a_ca_and_what_it_signs_are_told_with_their_end() {
        let leaf = |component: &str, certificate, reason: Option<&str>| LeafStatus {
            component: component.into(),
            secret: format!("web/{component}"),
            issuer: "tstack".into(),
            certificate,
            reason: reason.map(Into::into),
        };
        let of = Certificates {
            name: "demo".into(),
            authority: Some(AuthorityStatus {
                certificate: certificate("CN=tstack local CA (demo), O=tstack", &[], "2036-01-01T00:00:00Z"),
                file: "/s/demo/ca.crt".into(),
                signs_for: vec!["localhost".into(), "127.0.0.0/8".into()],
                trusted: None,
            }),
            leaves: vec![
                leaf("tls", Some(certificate("CN=localhost", &["localhost", "::1"], "2027-01-01T00:00:00Z")), None),
                leaf("old", Some(certificate("CN=localhost", &["localhost"], "2026-12-01T00:00:00Z")), None),
                leaf("other", None, Some("the cluster does not run")),
            ],
        };
        insta::assert_snapshot!(shown(&of), @"
        the local CA of demo
          subject      CN=tstack local CA (demo), O=tstack
          fingerprint  sha256 5f3a
          valid        until 2036-01-01, 3299 days
          signs for    localhost, 127.0.0.0/8
          file         /s/demo/ca.crt
          trusted      not by this system; `tstack certs trust` changes that

        certificate  secret     issued by  names           valid
        tls          web/tls    tstack     localhost, ::1  until 2027-01-01, 12 days
        old          web/old    tstack     localhost       no longer: it ended on 2026-12-01
        other        web/other  tstack     -               the cluster does not run
        ");
    }

    #[test]
    fn a_stack_without_a_ca_says_so() {
        let of = Certificates { name: "demo".into(), authority: None, leaves: vec![] };
        assert_eq!(shown(&of), "demo has no local CA yet; `tstack up` makes it where the stack has certificates\n");
    }
}
