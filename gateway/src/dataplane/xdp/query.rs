//! The kernel's view of an interface's XDP: which program is on it, and in which mode (rtnetlink(7),
//! the attribute `IFLA_XDP`).

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto,
    socket_with,
};

use super::Mode;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;

const IFLA_XDP: u16 = 43;
const IFLA_XDP_ATTACHED: u16 = 2;
const IFLA_XDP_PROG_ID: u16 = 4;
const ATTACHED_DRIVER: u8 = 1;
const ATTACHED_HARDWARE: u8 = 3;

const HEADER_LEN: usize = 16;
const LINK_INFO_LEN: usize = 16;
/// The upper bits of an attribute's type say how it is encoded.
const TYPE_MASK: u16 = 0x3fff;

/// The program on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) program: u32,
    pub(super) mode: Mode,
}

/// Asks which program is on the interface with this index.
pub(super) fn attached(if_index: u32) -> io::Result<Option<Attached>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE, whose number, 0, is that of the default.
        None,
    )?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &request(if_index), SendFlags::empty(), &kernel)?;
    let mut answer = vec![0; 32 * 1024];
    let (len, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    parse(&answer[..len])
}

fn request(if_index: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER_LEN + LINK_INFO_LEN);
    message.extend(((HEADER_LEN + LINK_INFO_LEN) as u32).to_ne_bytes());
    message.extend(RTM_GETLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence number and port, then family, padding and type of the interface.
    message.extend([0; 12]);
    message.extend(if_index.to_ne_bytes());
    message.extend([0; 8]);
    message
}

fn parse(message: &[u8]) -> io::Result<Option<Attached>> {
    match field(message, 4).map(u16::from_ne_bytes) {
        Some(RTM_NEWLINK) => {}
        Some(NLMSG_ERROR) => {
            let code = field(message, HEADER_LEN).map_or(0, i32::from_ne_bytes);
            return Err(io::Error::from_raw_os_error(code.saturating_neg()));
        }
        _ => return Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
    let attributes = message
        .get(HEADER_LEN + LINK_INFO_LEN..)
        .unwrap_or_default();
    let Some(xdp) = attribute(attributes, IFLA_XDP) else {
        return Ok(None);
    };
    let program = attribute(xdp, IFLA_XDP_PROG_ID).and_then(|value| field(value, 0));
    let attached = attribute(xdp, IFLA_XDP_ATTACHED).and_then(|value| field::<1>(value, 0));
    Ok(match (program.map(u32::from_ne_bytes), attached) {
        (Some(program), Some([ATTACHED_DRIVER | ATTACHED_HARDWARE])) => Some(Attached {
            program,
            mode: Mode::Native,
        }),
        (Some(program), _) => Some(Attached {
            program,
            mode: Mode::Generic,
        }),
        (None, _) => None,
    })
}

/// The value of the first attribute of `kind`.
fn attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let len = usize::from(u16::from_ne_bytes(field(attributes, 0)?));
        let found = u16::from_ne_bytes(field(attributes, 2)?) & TYPE_MASK;
        let value = attributes.get(4..len)?;
        if found == kind {
            return Some(value);
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attr(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn answer(xdp: &[u8]) -> Vec<u8> {
        let mut message = vec![0; HEADER_LEN + LINK_INFO_LEN];
        message[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
        message.extend(attr(3, b"eth0\0"));
        message.extend(attr(IFLA_XDP | 0x8000, xdp));
        message
    }

    #[test]
    fn an_interface_without_a_program_has_none() {
        let bare = answer(&attr(IFLA_XDP_ATTACHED, &[0]));
        assert_eq!(parse(&bare).unwrap(), None);
        let silent = &bare[..HEADER_LEN + LINK_INFO_LEN];
        assert_eq!(parse(silent).unwrap(), None);
    }

    #[test]
    fn program_and_mode_are_read() {
        for (attached, mode) in [(1, Mode::Native), (2, Mode::Generic), (3, Mode::Native)] {
            let mut xdp = attr(IFLA_XDP_ATTACHED, &[attached]);
            xdp.extend(attr(IFLA_XDP_PROG_ID, &77_u32.to_ne_bytes()));
            let expected = Attached { program: 77, mode };
            assert_eq!(parse(&answer(&xdp)).unwrap(), Some(expected));
        }
    }

    #[test]
    fn errors_and_rubbish_are_told_apart() {
        let mut error = vec![0; HEADER_LEN];
        error[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        error.extend((-19_i32).to_ne_bytes());
        assert_eq!(parse(&error).unwrap_err().raw_os_error(), Some(19));
        for len in 0..HEADER_LEN {
            assert!(parse(&vec![0; len]).is_err());
        }
        // A length of zero would never get past the attribute.
        assert_eq!(attribute(&[0; 8], IFLA_XDP), None);
    }

    #[test]
    fn the_kernel_knows_the_loopback_and_not_the_rest() {
        assert_eq!(attached(1).unwrap(), None);
        assert_eq!(
            attached(u32::MAX >> 1).unwrap_err().raw_os_error(),
            Some(19)
        );
    }
}
