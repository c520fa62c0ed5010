//! Reading captures: pcap and pcapng, packed by gzip or not, one frame after the other, as Ethernet.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::{DataLink, PcapError, TsResolution};

use super::link;

/// First bytes of a pcapng file: the type of its section header block.
const PCAPNG_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// First bytes of a gzip file (RFC 1952 §2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What is piped in, as a file.
const STDIN: &str = "/dev/stdin";

/// Why a capture can't be read (any further).
#[derive(Debug, thiserror::Error)]
pub(super) enum CaptureError {
    #[error("{}: {error}", path.display())]
    Open { path: PathBuf, error: io::Error },
    #[error("{}: neither a pcap nor a pcapng capture ({reason})", path.display())]
    NotACapture { path: PathBuf, reason: String },
    #[error("{}: broken after frame {frames}: {reason}", path.display())]
    Broken {
        path: PathBuf,
        frames: u64,
        reason: String,
    },
    #[error(
        "{}: frame {frame} has link type {link:?}, which Weir doesn't read: capture on an Ethernet \
         interface (Ethernet, raw IP and Linux cooked captures can be read)",
        path.display()
    )]
    Link {
        path: PathBuf,
        frame: u64,
        link: DataLink,
    },
}

/// One frame of a capture; its bytes are in the buffer given to [`Capture::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    /// Its number, from 1, as capture viewers count.
    pub(super) number: u64,
    /// When it was captured, since the Unix epoch.
    pub(super) time: Duration,
    /// How many bytes the capture holds.
    pub(super) captured_len: usize,
    /// How many bytes the frame had.
    pub(super) original_len: usize,
}

impl Captured {
    /// Whether the capture holds only the frame's beginning.
    pub(super) fn is_cut(&self) -> bool {
        self.captured_len < self.original_len
    }
}

/// A capture that is being read.
pub(super) struct Capture {
    path: PathBuf,
    format: Format,
    frames: u64,
}

enum Format {
    Pcap(PcapReader<Bytes>),
    PcapNg(Box<PcapNgReader<Bytes>>),
}

/// The bytes of a capture, unpacked.
type Bytes = Box<dyn BufRead>;

/// What both formats say about a packet beside its bytes.
struct Meta {
    link: DataLink,
    time: Duration,
    original_len: u32,
}

impl Capture {
    /// Opens the capture at `path`, or of the pipe that `-` stands for, and tells by its first bytes whether it is
    /// packed, and its format by the first ones then.
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        let io = |error| CaptureError::Open {
            path: path.to_owned(),
            error,
        };
        let foreign = |error: PcapError| CaptureError::NotACapture {
            path: path.to_owned(),
            reason: reason(&error),
        };
        let opened = match path == Path::new("-") {
            true => Path::new(STDIN),
            false => path,
        };
        let mut bytes = unpacked(File::open(opened).map_err(io)?).map_err(io)?;
        let format = if bytes.fill_buf().map_err(io)?.starts_with(&PCAPNG_MAGIC) {
            Format::PcapNg(Box::new(PcapNgReader::new(bytes).map_err(foreign)?))
        } else {
            Format::Pcap(PcapReader::new(bytes).map_err(foreign)?)
        };
        Ok(Self {
            path: path.to_owned(),
            format,
            frames: 0,
        })
    }

    /// Reads the next frame into `frame` as Ethernet; `None` at the end of the capture.
    pub(super) fn read(&mut self, frame: &mut Vec<u8>) -> Result<Option<Captured>, CaptureError> {
        frame.clear();
        let meta = match &mut self.format {
            Format::Pcap(reader) => next_pcap(reader, frame),
            Format::PcapNg(reader) => next_pcapng(reader, frame),
        };
        let meta = meta.map_err(|error| CaptureError::Broken {
            path: self.path.clone(),
            frames: self.frames,
            reason: reason(&error),
        })?;
        let Some(meta) = meta else { return Ok(None) };
        self.frames += 1;
        let captured_len = frame.len();
        link::to_ethernet(meta.link, frame).map_err(|link::Unsupported| CaptureError::Link {
            path: self.path.clone(),
            frame: self.frames,
            link: meta.link,
        })?;
        Ok(Some(Captured {
            number: self.frames,
            time: meta.time,
            captured_len,
            original_len: meta.original_len as usize,
        }))
    }
}

/// What a file holds, or what gzip made of it: as it is read, so that no file is too large.
fn unpacked(file: File) -> io::Result<Bytes> {
    let mut file = BufReader::new(file);
    Ok(match file.fill_buf()?.starts_with(&GZIP_MAGIC) {
        true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

/// Reads the next packet's bytes into `data`.
///
/// The raw reader is asked, because the checked one refuses what capture tools do write: frames
/// longer than the snap length of the file's header.
fn next_pcap(
    reader: &mut PcapReader<Bytes>,
    data: &mut Vec<u8>,
) -> Result<Option<Meta>, PcapError> {
    let header = reader.header();
    let Some(packet) = reader.next_raw_packet() else {
        return Ok(None);
    };
    let packet = packet?;
    data.extend_from_slice(&packet.data);
    let fraction = u64::from(packet.ts_frac);
    let fraction_ns = match header.ts_resolution {
        TsResolution::MicroSecond => fraction * 1000,
        TsResolution::NanoSecond => fraction,
    };
    let time = Duration::from_secs(packet.ts_sec.into()) + Duration::from_nanos(fraction_ns);
    Ok(Some(Meta {
        link: header.datalink,
        time,
        original_len: packet.orig_len,
    }))
}

/// Reads the bytes of the next packet of any kind into `data`, and skips all other blocks.
fn next_pcapng(
    reader: &mut PcapNgReader<Bytes>,
    data: &mut Vec<u8>,
) -> Result<Option<Meta>, PcapError> {
    while let Some(block) = reader.next_block() {
        let (interface_id, ticks, original_len) = match block? {
            Block::EnhancedPacket(packet) => {
                data.extend_from_slice(&packet.data);
                // The crate takes every resolution for nanoseconds: these are the file's ticks.
                let ticks = packet.timestamp.as_nanos();
                (packet.interface_id, ticks, packet.original_len)
            }
            Block::SimplePacket(packet) => {
                let captured = packet.data.len().min(packet.original_len as usize);
                data.extend_from_slice(&packet.data[..captured]);
                (0, 0, packet.original_len)
            }
            _ => continue,
        };
        let interface = reader
            .interfaces()
            .get(interface_id as usize)
            .ok_or(PcapError::InvalidInterfaceId(interface_id))?;
        let time = since_epoch(interface, ticks);
        return Ok(Some(Meta {
            link: interface.linktype,
            time,
            original_len,
        }));
    }
    Ok(None)
}

/// Ticks of an interface as a time since the epoch (pcapng, options if_tsresol and if_tsoffset).
fn since_epoch(interface: &InterfaceDescriptionBlock<'_>, ticks: u128) -> Duration {
    let mut per_second: u128 = 1_000_000;
    let mut offset = Duration::ZERO;
    for option in &interface.options {
        match option {
            InterfaceDescriptionOption::IfTsResol(resolution) => {
                let exponent = u32::from(resolution & 0x7f);
                let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
                per_second = base.checked_pow(exponent).unwrap_or(u128::MAX);
            }
            InterfaceDescriptionOption::IfTsOffset(seconds) => {
                offset = Duration::from_secs(*seconds);
            }
            _ => {}
        }
    }
    let seconds = u64::try_from(ticks / per_second).unwrap_or(u64::MAX);
    let rest_ns = (ticks % per_second).saturating_mul(1_000_000_000) / per_second;
    let rest = Duration::from_nanos(u64::try_from(rest_ns).unwrap_or(0));
    Duration::from_secs(seconds)
        .saturating_add(rest)
        .saturating_add(offset)
}

/// The crate's error with its cause, which its own text leaves out.
fn reason(error: &PcapError) -> String {
    match error {
        PcapError::IoError(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends within a packet".to_owned()
        }
        PcapError::IoError(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use hex_literal::hex;

    use super::*;

    /// What a capture holds, or why it can't be read (any further).
    fn contents(name: &str, bytes: &[u8]) -> (Vec<(Captured, Vec<u8>)>, Option<String>) {
        let path = std::env::temp_dir().join(format!("weir-{name}-{}", std::process::id()));
        fs::write(&path, bytes).expect("a scratch file");
        let mut frames = Vec::new();
        let mut read = || -> Result<(), CaptureError> {
            let mut capture = Capture::open(&path)?;
            let mut frame = Vec::new();
            while let Some(captured) = capture.read(&mut frame)? {
                frames.push((captured, frame.clone()));
            }
            Ok(())
        };
        let error = read().err().map(|error| error.to_string());
        fs::remove_file(&path).expect("removed");
        (frames, error)
    }

    const PCAP: [u8; 44] = hex!(
        "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000"
        "00f15365 e8030000 04000000 06000000 aabbccdd"
    );

    #[test]
    fn a_pcap_is_read_with_its_times_and_lengths() {
        let (frames, error) = contents("pcap", &PCAP);
        assert_eq!(error, None);
        let expected = Captured {
            number: 1,
            time: Duration::new(0x6553_f100, 1_000_000),
            captured_len: 4,
            original_len: 6,
        };
        assert_eq!(frames, [(expected, hex!("aabbccdd").to_vec())]);
        assert!(frames[0].0.is_cut());
    }

    #[test]
    fn every_cut_of_a_pcap_is_named_as_broken() {
        for len in 0..PCAP.len() {
            let (frames, error) = contents("cut", &PCAP[..len]);
            assert!(frames.is_empty());
            // A capture without frames is one.
            assert_eq!(error.is_none(), len == 24, "{len}: {error:?}");
        }
        let (_, error) = contents("cut", &PCAP[..40]);
        let error = error.expect("broken");
        assert!(
            error.contains("broken after frame 0: the file ends within a packet"),
            "{error}"
        );
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[test]
    fn a_packed_capture_is_read_like_any_other() {
        for capture in [&PCAP[..], &PCAPNG] {
            let plain = contents("plain", capture);
            assert!(plain.1.is_none() && !plain.0.is_empty());
            assert_eq!(contents("packed", &packed(capture)), plain);
            // Files of several members are one (RFC 1952 §2.2).
            let (first, second) = capture.split_at(30);
            let both = [packed(first), packed(second)].concat();
            assert_eq!(contents("members", &both), plain);
        }
    }

    #[test]
    fn every_cut_of_a_packed_capture_is_named_as_broken() {
        let packed = packed(&PCAP);
        for len in 2..packed.len() {
            let (_, error) = contents("cut-packed", &packed[..len]);
            assert!(error.is_some(), "{len}");
        }
        let (_, error) = contents("cut-packed", &packed[..packed.len() - 1]);
        let error = error.expect("broken");
        assert!(error.contains("broken after frame 1"), "{error}");
        let (frames, error) = contents("packed-text", &self::packed(b"no capture, but some text"));
        assert!(frames.is_empty());
        let error = error.expect("not a capture");
        assert!(error.contains("neither a pcap nor a pcapng"), "{error}");
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let (_, error) = contents(
            "text",
            b"this is not a capture, it is a text of some length",
        );
        let error = error.expect("not a capture");
        assert!(error.contains("neither a pcap nor a pcapng"), "{error}");
    }

    #[test]
    fn another_link_type_is_named() {
        let mut radio = PCAP;
        radio[20] = 105;
        let (_, error) = contents("radio", &radio);
        let error = error.expect("unsupported");
        assert!(
            error.contains("frame 1") && error.contains("IEEE802_11"),
            "{error}"
        );
    }

    /// A section header, an interface whose clock ticks 2^10 times a second, and a packet at tick
    /// 1536.
    const PCAPNG: [u8; 96] = hex!(
        "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000"
        "01000000 20000000 0100 0000 00000400 0900 0100 8a000000 0000 0000 20000000"
        "06000000 24000000 00000000 00000000 00060000 02000000 02000000 abcd0000 24000000"
    );

    #[test]
    fn a_pcapng_is_read_by_its_interfaces_clock() {
        let (frames, error) = contents("pcapng", &PCAPNG);
        assert_eq!(error, None);
        let expected = Captured {
            number: 1,
            time: Duration::from_millis(1_500),
            captured_len: 2,
            original_len: 2,
        };
        assert_eq!(frames, [(expected, hex!("abcd").to_vec())]);
    }

    #[test]
    fn a_packet_of_an_unknown_interface_is_an_error() {
        let mut lost = PCAPNG;
        lost[68] = 7;
        let (_, error) = contents("interface", &lost);
        assert!(
            error
                .expect("no such interface")
                .contains("interface id: 7")
        );
    }
}
