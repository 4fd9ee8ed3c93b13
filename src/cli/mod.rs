//! The command line.
//!
//! Purpose: clap types and nothing else: arguments in, options of ops out.
//! Reads: the command line. Writes: through report only.
//! Must not: know the cluster, the engine or a plan.
