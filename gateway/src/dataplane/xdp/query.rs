//! The kernel's view of an interface's XDP: which program is on it, and in which mode.

use std::io;

use netlink_packet_route::link::{LinkAttribute, LinkXdp};

use super::Mode;
use crate::dataplane::netlink;

/// The program on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) program: u32,
    pub(super) mode: Mode,
}

/// Asks which program is on the interface with this index; `NotFound` if there is no interface.
pub(super) fn present(if_index: u32) -> io::Result<Option<Present>> {
    let link = netlink::by_index(if_index)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(link
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Xdp(xdp) => xdp.iter().find_map(of_mode),
            _ => None,
        }))
}

fn of_mode(xdp: &LinkXdp) -> Option<Present> {
    let (program, mode) = match *xdp {
        LinkXdp::DrvProgId(program) | LinkXdp::HwProgId(program) => (program, Mode::Native),
        LinkXdp::SkbProgId(program) => (program, Mode::Generic),
        _ => return None,
    };
    Some(Present { program, mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_any_mode_is_found() {
        let found = |xdp: &[LinkXdp]| xdp.iter().find_map(of_mode);
        assert_eq!(found(&[LinkXdp::Flags(0)]), None);
        for (xdp, mode) in [
            (LinkXdp::DrvProgId(7), Mode::Native),
            (LinkXdp::HwProgId(7), Mode::Native),
            (LinkXdp::SkbProgId(7), Mode::Generic),
        ] {
            let expected = Present { program: 7, mode };
            assert_eq!(found(&[LinkXdp::ProgId(7), xdp]), Some(expected));
        }
    }

    #[test]
    fn the_kernel_knows_the_loopback_and_not_the_rest() {
        assert_eq!(present(1).expect("an answer"), None);
        let absent = present(i32::MAX as u32).expect_err("no such interface");
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
