//! What rtnetlink(7) says of an interface, and when something about interfaces has changed.
//!
//! The calling thread's network namespace is the one asked about and watched.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};
use xsk::Waker;

/// `RTMGRP_LINK`: the multicast group that tells of interfaces.
const LINK_GROUP: u32 = 1;
/// The kernel sends no longer message than this.
const MESSAGE_BYTES: usize = 32 * 1024;

/// An interface, as it was when asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// In bytes.
    pub mtu: u32,
    /// Whether it is set up.
    pub up: bool,
    /// Whether its other end is there.
    pub carrier: bool,
    /// Whether it receives frames for any address.
    pub promiscuous: bool,
    /// Receive queues it could use.
    pub rx_queues: u32,
    /// Send queues it could use.
    pub tx_queues: u32,
    /// Whether it is one end of a veth pair.
    pub is_veth: bool,
    /// The other end of a veth pair, if that is in this network namespace.
    pub peer: Option<u32>,
    /// Whether it leads nowhere but back.
    pub is_loopback: bool,
    /// The interface that has it as a port: a bridge, a bond.
    pub master: Option<u32>,
}

impl Interface {
    /// Asks for the interface of this name; nothing when there is none.
    ///
    /// # Errors
    /// Of the netlink socket, and an answer that makes no sense.
    pub fn by_name(name: &str) -> io::Result<Option<Self>> {
        let mut request = LinkMessage::default();
        request.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            // Numbers nobody asked for are most of the answer.
            LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]),
        ];
        Ok(ask(request)?.as_ref().map(Self::new))
    }

    /// Asks for the interface with this index; nothing when there is none.
    ///
    /// # Errors
    /// Of the netlink socket, and an answer that makes no sense.
    pub fn by_index(index: u32) -> io::Result<Option<Self>> {
        Ok(by_index(index)?.as_ref().map(Self::new))
    }

    /// Whether frames can be sent out of it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.up && self.carrier
    }

    fn new(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut interface = Self {
            name: String::new(),
            index: message.header.index,
            mtu: 0,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            promiscuous: flags.contains(LinkFlags::Promisc),
            rx_queues: 1,
            tx_queues: 1,
            is_veth: false,
            peer: None,
            is_loopback: flags.contains(LinkFlags::Loopback),
            master: None,
        };
        let (mut other_end, mut elsewhere) = (None, false);
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name.clone_from(name),
                LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
                LinkAttribute::NumRxQueues(queues) => interface.rx_queues = *queues,
                LinkAttribute::NumTxQueues(queues) => interface.tx_queues = *queues,
                LinkAttribute::Controller(index) => interface.master = Some(*index),
                LinkAttribute::Link(index) => other_end = Some(*index),
                LinkAttribute::LinkNetNsId(_) => elsewhere = true,
                LinkAttribute::LinkInfo(infos) => {
                    interface.is_veth = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
                }
                _ => {}
            }
        }
        interface.peer = other_end.filter(|_| interface.is_veth && !elsewhere);
        interface
    }
}

/// Has an interface receive frames for any address, until it is told otherwise: also when this
/// process is gone, since the kernel's fallback goes on.
///
/// # Errors
/// Of the netlink socket, and refusals.
pub fn set_promiscuous(name: &str) -> io::Result<()> {
    let mut request = LinkMessage::default();
    request.header.flags = LinkFlags::Promisc;
    request.header.change_mask = LinkFlags::Promisc;
    request.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    let request = RouteNetlinkMessage::SetLink(request);
    match exchange(request, NLM_F_REQUEST | NLM_F_ACK)?.payload {
        NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// All that is said of the interface with this index; nothing when there is none.
pub(super) fn by_index(index: u32) -> io::Result<Option<LinkMessage>> {
    let mut request = LinkMessage::default();
    request.header.index = index;
    request.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    ask(request)
}

/// The addresses of this host's on an interface, without the link-local ones that it gives itself.
///
/// # Errors
/// Of the netlink socket, and an answer that makes no sense.
pub fn addresses(index: u32) -> io::Result<Vec<IpAddr>> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let socket = send(request, NLM_F_REQUEST | NLM_F_DUMP)?;
    let mut addresses = Vec::new();
    let mut bytes = vec![0; MESSAGE_BYTES];
    loop {
        let (len, _) = recv(&socket, &mut bytes[..], RecvFlags::empty())?;
        let mut rest = &bytes[..len];
        while !rest.is_empty() {
            let message = parsed(rest)?;
            rest = rest.get(aligned(message.header.length)..).unwrap_or(&[]);
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(addresses),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(message))
                    if message.header.index == index
                        && message.header.scope != AddressScope::Link =>
                {
                    let address = message.attributes.iter().find_map(|it| match it {
                        AddressAttribute::Address(address) => Some(*address),
                        _ => None,
                    });
                    addresses.extend(address);
                }
                _ => {}
            }
        }
    }
}

fn ask(request: LinkMessage) -> io::Result<Option<LinkMessage>> {
    let request = RouteNetlinkMessage::GetLink(request);
    match exchange(request, NLM_F_REQUEST)?.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(Some(link)),
        NetlinkPayload::Error(error) => match error.to_io() {
            error if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(None),
            error => Err(error),
        },
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Sends a request and receives its answer.
fn exchange(
    request: RouteNetlinkMessage,
    flags: u16,
) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
    let socket = send(request, flags)?;
    let mut answer = vec![0; MESSAGE_BYTES];
    let (len, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    parsed(&answer[..len])
}

/// Sends a request. Returns the socket that its answer comes to.
fn send(request: RouteNetlinkMessage, flags: u16) -> io::Result<OwnedFd> {
    let mut message = NetlinkMessage::from(request);
    message.header.flags = flags;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);

    let socket = open(SocketFlags::CLOEXEC)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &bytes, SendFlags::empty(), &kernel)?;
    Ok(socket)
}

/// The first message of an answer.
fn parsed(bytes: &[u8]) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
    NetlinkMessage::deserialize(bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Where the message after one of so many bytes begins (netlink(7), `NLMSG_ALIGN`).
fn aligned(len: u32) -> usize {
    (len as usize).next_multiple_of(4)
}

fn open(flags: SocketFlags) -> io::Result<OwnedFd> {
    // NETLINK_ROUTE is protocol 0, which is what no protocol means.
    let route = None;
    Ok(socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        flags,
        route,
    )?)
}

/// Notices that something about some interface has changed.
///
/// What has changed is asked afterwards: a message may be lost when too many come at once, and an
/// answer can't be out of date in the way that a queued message can.
#[derive(Debug)]
pub struct Monitor {
    socket: OwnedFd,
}

impl Monitor {
    /// Begins to notice.
    ///
    /// # Errors
    /// Of the netlink socket.
    pub fn new() -> io::Result<Self> {
        let socket = open(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        bind(&socket, &SocketAddrNetlink::new(0, LINK_GROUP))?;
        Ok(Self { socket })
    }

    /// Waits for a change, for a call, or for time to pass. Returns whether there was a change.
    ///
    /// # Errors
    /// Of ppoll(2).
    pub fn wait(&self, waker: &Waker, timeout: Duration) -> io::Result<bool> {
        xsk::wait([self.socket.as_fd()], waker, timeout)?;
        let mut changed = false;
        let mut message = vec![0; MESSAGE_BYTES];
        loop {
            match recv(&self.socket, &mut message[..], RecvFlags::empty()) {
                // ENOBUFS: messages were lost, so something has changed.
                Ok(_) | Err(Errno::NOBUFS) => changed = true,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(changed),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_known() {
        let lo = Interface::by_name("lo")
            .expect("an answer")
            .expect("a loopback");
        assert_eq!((lo.name.as_str(), lo.index, lo.is_veth), ("lo", 1, false));
        assert_eq!(Interface::by_index(1).expect("an answer"), Some(lo));
    }

    #[test]
    fn addresses_are_those_of_the_interface() {
        let of_loopback = addresses(1).expect("an answer");
        assert!(
            of_loopback.iter().all(IpAddr::is_loopback),
            "{of_loopback:?}"
        );
        assert_eq!(
            addresses(i32::MAX as u32).expect("an answer"),
            [] as [IpAddr; 0]
        );
    }

    #[test]
    fn an_interface_that_is_not_there_is_nothing() {
        assert_eq!(Interface::by_name("weir-absent0").expect("an answer"), None);
        assert_eq!(Interface::by_index(i32::MAX as u32).expect("one"), None);
    }

    #[test]
    fn nothing_changes_by_itself() {
        let monitor = Monitor::new().expect("a socket");
        let waker = Waker::new().expect("an eventfd");
        waker.wake();
        let changed = monitor.wait(&waker, Duration::from_secs(10));
        assert!(!changed.expect("a wait"));
    }
}
