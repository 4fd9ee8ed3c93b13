//! The API through its router, without a socket.

mod service;
mod surface;
mod tasks;
