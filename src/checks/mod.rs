//! The checks of a stack.
//!
//! Purpose: send real requests and judge the answers, so that ready means that a request passed.
//! Reads: the stack's checks, answers from 127.0.0.1 and from the cluster. Writes: load on 127.0.0.1 only, bounded in count and time.
//! Must not: change the cluster, print, or send anything to another host.
