//! Lines below the application: `tcp RST seq=+5000`, `fragment offset=0 more=true size=64`.

use policy::Fields;
use wire::Direction;
use wire::net::build::TcpSegment;
use wire::net::{Packet, TcpFlags, edit};

use super::mqtt::{payload, short};
use crate::frames::{self, Path};
use crate::network::Stream;

/// Where the urgent pointer stands in a TCP header.
const URGENT_AT: usize = 18;
/// Where the checksum stands in a TCP header.
const CHECKSUM_AT: usize = 16;

/// One segment. At its direction's own place in the stream it moves the stream on, elsewhere not.
pub(super) fn segment(
    stream: &mut Stream,
    direction: Direction,
    flags: TcpFlags,
    fields: &Fields,
) -> Vec<u8> {
    let payload = payload(fields);
    let offset = fields.number("seq").unwrap_or(0);
    let acked = stream.next(direction.reverse());
    let options = options(flags, fields);
    let segment = TcpSegment {
        seq: stream.next(direction).wrapping_add(offset as u32),
        ack: match flags.contains(TcpFlags::ACK) {
            true => acked.wrapping_add(fields.number("ack").unwrap_or(0) as u32),
            false => 0,
        },
        flags,
        window: 64_240,
        options: &options,
        payload: &payload,
    };
    let mut frame = stream.raw(direction, &segment);
    if offset == 0 && fields.text("checksum").is_none() {
        let control = [TcpFlags::SYN, TcpFlags::FIN].map(|flag| usize::from(flags.contains(flag)));
        stream.advance(direction, payload.len() + control[0] + control[1]);
    }
    let urgent = short(fields, "urgent", 0);
    if urgent != 0 {
        // Flags that no connection uses are no frame that could be read.
        let flags = TcpFlags::ACK;
        let like = stream.raw(direction, &TcpSegment { flags, ..segment });
        patch(&mut frame, &like, URGENT_AT, urgent);
    }
    if fields.text("checksum") == Some("bad") {
        let l4 = frame.len() - payload.len() - options.len() - 20;
        frame[l4 + CHECKSUM_AT] ^= 0x55;
    }
    frame
}

/// The options that are asked for.
fn options(flags: TcpFlags, fields: &Fields) -> Vec<u8> {
    let mut options = timestamp(flags, fields);
    if fields.flag("multipath") == Some(true) {
        options.extend(multipath(flags));
    }
    options
}

/// Of Multipath TCP, what asks for it, or says nothing (RFC 8684 §3.1, §3.3).
fn multipath(flags: TcpFlags) -> [u8; 4] {
    match flags.contains(TcpFlags::SYN) {
        true => [30, 4, 0x01, 0x81],
        false => [30, 4, 0x20, 0],
    }
}

/// A timestamp, if one is given, as stacks lay it out (RFC 7323, appendix A).
fn timestamp(flags: TcpFlags, fields: &Fields) -> Vec<u8> {
    let Some(value) = fields.number("timestamp") else {
        return Vec::new();
    };
    let echo = u32::from(flags.contains(TcpFlags::ACK));
    let [value, echo] = [value as u32, echo].map(u32::to_be_bytes);
    [&[1, 1, 8, 10][..], &value, &echo].concat()
}

/// Writes two bytes into the TCP header, and the checksum anew; `like` has the same layout.
fn patch(frame: &mut [u8], like: &[u8], at: usize, value: u16) {
    let layout = Packet::decode(like).expect("a frame of our own").layout;
    frame[layout.l4 + at..layout.l4 + at + 2].copy_from_slice(&value.to_be_bytes());
    edit::refresh_checksums(frame, &layout);
}

/// A fragment of `size` bytes of data. The first one holds the transport's header, ports and all.
pub(super) fn fragment(path: &Path, is_udp: bool, fields: &Fields) -> Vec<u8> {
    let number = |key| {
        fields
            .number(key)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0)
    };
    let (offset, size) = (number("offset"), number("size"));
    let filler = vec![b'x'; size];
    let vlan = path.vlan;
    let path = &Path {
        vlan: None,
        ..*path
    };
    let whole = match is_udp {
        true => frames::udp(path, &filler),
        false => frames::tcp(
            path,
            &TcpSegment {
                flags: TcpFlags::ACK,
                payload: &filler,
                ..TcpSegment::default()
            },
        ),
    };
    let data = match offset {
        0 => &whole[l4_of(path)..][..size],
        _ => &filler[..],
    };
    let place = (offset / 8 * 8) as u16;
    let more = fields.flag("more").unwrap_or(false);
    let frame = match path.source.is_ipv4() {
        true => fragment_v4(&whole[..l4_of(path)], data, place, more),
        false => fragment_v6(&whole[..l4_of(path)], data, place, more),
    };
    match vlan {
        Some(tag) => frames::tagged(&frame, tag),
        None => frame,
    }
}

const ETHERNET_BYTES: usize = 14;

fn l4_of(path: &Path) -> usize {
    ETHERNET_BYTES + if path.source.is_ipv4() { 20 } else { 40 }
}

fn fragment_v4(headers: &[u8], data: &[u8], offset: u16, more: bool) -> Vec<u8> {
    let mut frame = [headers, data].concat();
    let total = (frame.len() - ETHERNET_BYTES) as u16;
    frame[ETHERNET_BYTES + 2..][..2].copy_from_slice(&total.to_be_bytes());
    let flags = (u16::from(more) << 13) | (offset / 8);
    frame[ETHERNET_BYTES + 6..][..2].copy_from_slice(&flags.to_be_bytes());
    edit::refresh_ip_checksum(&mut frame, ETHERNET_BYTES);
    frame
}

fn fragment_v6(headers: &[u8], data: &[u8], offset: u16, more: bool) -> Vec<u8> {
    const FRAGMENT: u8 = 44;
    const NEXT_HEADER_AT: usize = ETHERNET_BYTES + 6;
    let place = (offset | u16::from(more)).to_be_bytes();
    let extension = [headers[NEXT_HEADER_AT], 0, place[0], place[1], 0, 0, 0, 1];
    let mut frame = [headers, &extension, data].concat();
    frame[NEXT_HEADER_AT] = FRAGMENT;
    let len = (extension.len() + data.len()) as u16;
    frame[ETHERNET_BYTES + 4..][..2].copy_from_slice(&len.to_be_bytes());
    frame
}
