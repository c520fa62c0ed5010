//! What ethtool(8) asks and sets, as far as the data plane needs it: queues, driver, offloads.
//!
//! By ioctl (include/uapi/linux/ethtool.h), since no kept crate sets offloads by name. The calling
//! thread's network namespace decides which interface a name means.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GFEATURES: u32 = 0x3a;
const ETHTOOL_SFEATURES: u32 = 0x3b;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
/// The set of strings that names the offloads, in the order of their bits.
const ETH_SS_FEATURES: u32 = 4;
const ETH_GSTRING_LEN: usize = 32;
/// More offloads than any kernel has: what is answered beyond is not looked at.
const MAX_FEATURES: usize = 1024;

/// How many queues an interface has in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// For receiving.
    pub rx: u32,
    /// For sending.
    pub tx: u32,
}

/// State of one offload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Whether it is on.
    pub on: bool,
    /// Whether it can be changed.
    pub changeable: bool,
}

/// An interface, by name, as ethtool sees it.
#[derive(Debug)]
pub struct Interface {
    name: String,
    /// Any socket will do for the ioctl.
    socket: OwnedFd,
}

impl Interface {
    /// The interface called `name`; whether there is one shows at the first question.
    ///
    /// # Errors
    /// `EINVAL` for a name that can't be one; those of socket(2).
    pub fn new(name: &str) -> Result<Self, Errno> {
        if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
            return Err(Errno::INVAL);
        }
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok(Self {
            name: name.to_owned(),
            socket,
        })
    }

    /// The queues in use.
    ///
    /// # Errors
    /// Of the ioctl: `EOPNOTSUPP` when the driver doesn't say.
    pub fn channels(&self) -> Result<Channels, Errno> {
        // struct ethtool_channels: the command, four maxima, four counts.
        let mut request = [0_u32; 9];
        request[0] = ETHTOOL_GCHANNELS;
        self.ask(&mut request)?;
        let [_, _, _, _, _, rx, tx, _other, combined] = request;
        Ok(Channels {
            rx: rx.saturating_add(combined),
            tx: tx.saturating_add(combined),
        })
    }

    /// The driver's name.
    ///
    /// # Errors
    /// Of the ioctl.
    pub fn driver(&self) -> Result<String, Errno> {
        // struct ethtool_drvinfo: the command, then strings, the driver's name being the first.
        let mut request = [0_u32; 49];
        request[0] = ETHTOOL_GDRVINFO;
        self.ask(&mut request)?;
        Ok(text(bytes_of(&request[1..9])))
    }

    /// The state of an offload by its name in `ethtool -k` of the kernel (`rx-lro`,
    /// `rx-vlan-hw-parse`, …); nothing when this kernel doesn't know it.
    ///
    /// # Errors
    /// Of the ioctl.
    pub fn feature(&self, name: &str) -> Result<Option<Feature>, Errno> {
        let names = self.feature_names()?;
        let Some(bit) = names.iter().position(|known| known == name) else {
            return Ok(None);
        };
        let words = names.len().div_ceil(32);
        // struct ethtool_gfeatures: the command, the number of words, then per word the bits that
        // are available, requested, active and never changed.
        let mut request = vec![0_u32; 2 + 4 * words];
        request[0] = ETHTOOL_GFEATURES;
        request[1] = word_count(words);
        self.ask(&mut request)?;
        let block = &request[2 + 4 * (bit / 32)..];
        let mask = 1 << (bit % 32);
        Ok(Some(Feature {
            on: block[2] & mask != 0,
            changeable: block[0] & mask != 0 && block[3] & mask == 0,
        }))
    }

    /// Turns an offload on or off.
    ///
    /// # Errors
    /// Of the ioctl; `EOPNOTSUPP` when the kernel doesn't know it, or it stays as it was.
    pub fn set_feature(&self, name: &str, on: bool) -> Result<(), Errno> {
        let names = self.feature_names()?;
        let bit = names
            .iter()
            .position(|known| known == name)
            .ok_or(Errno::OPNOTSUPP)?;
        let words = names.len().div_ceil(32);
        // struct ethtool_sfeatures: the command, the number of words, then per word the bits meant
        // and their values.
        let mut request = vec![0_u32; 2 + 2 * words];
        request[0] = ETHTOOL_SFEATURES;
        request[1] = word_count(words);
        let mask = 1 << (bit % 32);
        request[2 + 2 * (bit / 32)] = mask;
        request[3 + 2 * (bit / 32)] = if on { mask } else { 0 };
        self.ask(&mut request)?;
        match self.feature(name)? {
            Some(feature) if feature.on == on => Ok(()),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    /// The names of all offloads, in the order of their bits.
    fn feature_names(&self) -> Result<Vec<String>, Errno> {
        // struct ethtool_sset_info: the command, padding, a 64-bit mask of the sets, their sizes.
        let mut request = [0_u32; 5];
        request[0] = ETHTOOL_GSSET_INFO;
        request[2] = low_word(1 << ETH_SS_FEATURES);
        request[3] = high_word(1 << ETH_SS_FEATURES);
        self.ask(&mut request)?;
        let count = (request[4] as usize).min(MAX_FEATURES);

        // struct ethtool_gstrings: the command, the set, the number of strings, the strings. The
        // kernel writes as many as it has; it has just said how many that is.
        let mut request = vec![0_u32; 3 + MAX_FEATURES * ETH_GSTRING_LEN / 4];
        request[0] = ETHTOOL_GSTRINGS;
        request[1] = ETH_SS_FEATURES;
        request[2] = word_count(count);
        self.ask(&mut request)?;
        let strings = bytes_of(&request[3..]);
        Ok(strings
            .chunks_exact(ETH_GSTRING_LEN)
            .take(count)
            .map(text)
            .collect())
    }

    /// The ioctl: `request` begins with a command, and holds its structure, question and answer.
    fn ask(&self, request: &mut [u32]) -> Result<(), Errno> {
        let mut name = [0; libc::IFNAMSIZ];
        for (to, &from) in name.iter_mut().zip(self.name.as_bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        let mut ifreq = libc::ifreq {
            ifr_name: name,
            ifr_ifru: libc::__c_anonymous_ifr_ifru {
                ifru_data: request.as_mut_ptr().cast(),
            },
        };
        // SAFETY: `ifreq` and the request it points to outlive the call; each caller sizes its
        // request as the structure of its command, which bounds what the kernel writes.
        let result = unsafe {
            libc::ioctl(
                self.socket.as_raw_fd(),
                libc::SIOCETHTOOL as _,
                std::ptr::from_mut(&mut ifreq),
            )
        };
        if result >= 0 {
            return Ok(());
        }
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}

fn word_count(count: usize) -> u32 {
    u32::try_from(count).expect("a few hundred at most")
}

/// The words of a 64-bit field, in the order they lie in memory.
fn low_word(value: u64) -> u32 {
    words_of(value)[0]
}

fn high_word(value: u64) -> u32 {
    words_of(value)[1]
}

fn words_of(value: u64) -> [u32; 2] {
    let bytes = value.to_ne_bytes();
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four of eight"));
    [word(0), word(4)]
}

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// The text up to the first zero.
fn text(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_answers() {
        let lo = Interface::new("lo").expect("a good name");
        let names = lo.feature_names().expect("names");
        for name in [
            "rx-lro",
            "rx-gro-hw",
            "rx-vlan-hw-parse",
            "tx-checksum-ip-generic",
        ] {
            assert!(
                names.iter().any(|known| known == name),
                "{name} in {names:?}"
            );
        }
        let loopback = lo.feature("loopback").expect("an answer");
        assert_eq!(
            loopback,
            Some(Feature {
                on: true,
                changeable: false
            })
        );
        assert_eq!(lo.feature("no-such-thing").expect("an answer"), None);
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "sixteen_letters_", "nul\0"] {
            assert_eq!(Interface::new(name).err(), Some(Errno::INVAL), "{name:?}");
        }
        let absent = Interface::new("weir-absent0").expect("a possible name");
        assert_eq!(absent.channels(), Err(Errno::NODEV));
    }
}
