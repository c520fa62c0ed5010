//! Library face of the gateway.
