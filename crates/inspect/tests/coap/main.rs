//! CoAP through the inspector, with the rules as they are shipped: frames in, frames out.

extern crate weir_inspect as inspect;

mod amplification;
mod capacity;
mod conduct;
mod counter;
mod delivery;
mod done;
mod doubled;
mod echo;
mod enlarged;
mod exchanges;
mod failure;
mod group;
mod hostile;
mod lost;
mod model;
mod observers;
mod parity;
mod plain;
mod promised;
mod reflection;
mod short;
mod simulation;
mod soup;
mod together;
mod world;
