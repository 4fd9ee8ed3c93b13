//! The local CA in the state folder.

use crate::certs::{Authority, Secret};
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::world::files;

/// The local CA, `None` where there is none or it is not whole: it is then made anew.
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
