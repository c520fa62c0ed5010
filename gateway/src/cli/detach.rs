//! `weir detach`: removes what a stopped gateway left in the kernel.

use std::io::Write;
use std::path::Path;

use policy::Config;

use super::{Failure, Status};
use crate::control::{load, preflight};
use crate::dataplane::xdp;

/// Only the place of the pins is asked of the configuration, so mistakes elsewhere don't matter.
pub(super) fn run(path: &Path, out: &mut impl Write) -> Result<Status, Failure> {
    let (config, _) = Config::check(&load::read(path)?);
    preflight::check()?;
    let pin_dir = Path::new(&config.dataplane.pin_dir);
    let interfaces = xdp::detach(pin_dir)?;
    if interfaces.is_empty() {
        writeln!(out, "nothing is attached: no pins in {}", pin_dir.display())?;
    }
    for interface in &interfaces {
        writeln!(
            out,
            "{interface}: the XDP program is gone, and joins it to its peer no longer"
        )?;
    }
    if !interfaces.is_empty() {
        let names = interfaces.join(", ");
        writeln!(
            out,
            "{names}: promiscuous mode and offloads stay as a start of Weir set them, until `ip` and `ethtool` say else"
        )?;
    }
    Ok(Status::Fine)
}
