//! What the XDP program reads in a frame to decide where it goes. Pure functions of the frame's
//! bytes, compiled for the kernel and tested on the host.
#![cfg_attr(target_arch = "bpf", no_std)]

pub mod coap;
pub mod frame;
pub mod hash;
pub mod header;
pub mod locate;
pub mod standing;
