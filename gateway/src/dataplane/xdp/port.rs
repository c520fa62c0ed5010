//! The ports that the program is on, and the links whose ends they are.

use std::io;

use abi::Side;

use super::held::HeldLink;

/// How the program runs on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In the driver, before the kernel makes a packet of the frame.
    Native,
    /// In the kernel's stack: any driver will do, at a price.
    Generic,
}

impl Mode {
    /// As the configuration and the log spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index in the network namespace of this thread.
    pub index: u32,
}

/// A link: the two interfaces that the gateway stands between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The devices' side.
    pub inside: Interface,
    /// The other one.
    pub outside: Interface,
}

impl Link {
    pub(super) fn end(&self, side: Side) -> &Interface {
        match side {
            Side::Inside => &self.inside,
            Side::Outside => &self.outside,
        }
    }

    /// The device at the other end, for the port on each side.
    pub(super) fn peers(&self) -> [(Side, &Interface); 2] {
        [(Side::Inside, &self.outside), (Side::Outside, &self.inside)]
    }
}

/// A port that has the program.
#[derive(Debug)]
pub struct Port {
    /// The link, by its place in the configuration.
    pub link: u32,
    /// Which end of it.
    pub side: Side,
    /// The interface.
    pub interface: Interface,
    /// How the program runs there.
    pub mode: Mode,
    /// Whether it was there already, left by an earlier process, and only the program was changed.
    pub adopted: bool,
    /// Id of its instance of the program.
    pub program: u32,
    /// What the driver said against native mode, if that is why the mode is generic.
    pub refused_native: Option<io::Error>,
    pub(super) held: HeldLink,
}

/// What is on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The program that was put there.
    InPlace,
    /// None.
    Gone,
    /// Another.
    Replaced {
        /// Its id.
        program: u32,
    },
}
