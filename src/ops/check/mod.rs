//! Objects proven on a running stack: by a dry run that changes nothing, or in throw-away namespaces with real requests.

mod act;
mod drive;
mod live;
mod names;
mod place;
mod server;
mod throwaway;

pub use live::{LiveReport, live};
pub use server::{ServerReport, Verdict, server};
