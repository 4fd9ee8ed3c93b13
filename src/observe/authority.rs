//! The local CA in the state folder.

use crate::certs::{Authority, Secret};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::world::files;

/// The local CA, `None` where there is none or it is not whole: it is then made anew, and said why ([`authority_damage`]).
///
/// # Errors
/// When its files are there but cannot be read.
pub fn authority(folder: &StateFolder) -> Result<Option<Authority>, Failure> {
    let certificate = files::read_if_there(&folder.authority_certificate())?;
    let key = files::read_if_there(&folder.authority_key())?;
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let (Ok(certificate), Ok(key)) = (String::from_utf8(certificate), String::from_utf8(key)) else { return Ok(None) };
    Ok(Authority::from_pem(&certificate, Secret::new(key)).ok())
}

/// Why the files of the local CA are none any more; `None` where they are whole, or nobody can trust one yet: a key alone is what a
/// crash between the two files leaves.
///
/// # Errors
/// When its files are there but cannot be read.
pub fn authority_damage(folder: &StateFolder) -> Result<Option<String>, Failure> {
    let (certificate, key) = (folder.authority_certificate(), folder.authority_key());
    let Some(text) = files::read_if_there(&certificate)? else { return Ok(None) };
    let Some(secret) = files::read_if_there(&key)? else { return Ok(Some(format!("{} is gone", key.display()))) };
    let (Ok(text), Ok(secret)) = (String::from_utf8(text), String::from_utf8(secret)) else {
        return Ok(Some(format!("{} or {} is no text", certificate.display(), key.display())));
    };
    let read = Authority::from_pem(&text, Secret::new(secret));
    Ok(read.err().map(|failure| format!("{} with {}: {}", certificate.display(), key.display(), failure.why.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::clock;

    #[test]
    fn a_damaged_authority_says_which_file_it_is_and_a_new_one_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateFolder::new(temp.path(), "x");
        folder.create().unwrap();
        assert_eq!(authority_damage(&folder).unwrap(), None);
        let made = Authority::generate("x", clock::now(), 1).unwrap();
        let (certificate, key) = (made.cert_pem().to_owned(), made.key_pem().reveal().to_owned());
        files::write_private(&folder.authority_key(), key.as_bytes()).unwrap();
        assert_eq!(authority_damage(&folder).unwrap(), None, "what a crash between the two leaves");
        files::write_private(&folder.authority_certificate(), certificate.as_bytes()).unwrap();
        assert_eq!(authority_damage(&folder).unwrap(), None);
        for (certificate, key) in [(&certificate[..certificate.len() / 2], key.as_str()), (&certificate, &key[..key.len() / 2]), ("", "")] {
            files::write_private(&folder.authority_certificate(), certificate.as_bytes()).unwrap();
            files::write_private(&folder.authority_key(), key.as_bytes()).unwrap();
            let why = authority_damage(&folder).unwrap().unwrap();
            assert!(why.contains("ca.crt") && why.contains("ca.key"), "{why}");
            assert!(authority(&folder).unwrap().is_none());
        }
        fs_err::remove_file(folder.authority_key()).unwrap();
        assert!(authority_damage(&folder).unwrap().unwrap().ends_with("ca.key is gone"));
    }
}
