//! The path from localhost to a service, where no port mapping serves.
//!
//! Purpose: listen on 127.0.0.1, follow the service's endpoints, carry connections through the API server, never give up.
//! Reads: EndpointSlices of the cluster. Writes: a control socket in the state folder.
//! Must not: listen anywhere but on loopback, or outlive a stop.
