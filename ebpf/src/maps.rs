//! The maps of the program (see the crate `abi` for what they mean), and one function for each
//! question that the policy asks them.

use abi::{Outcome, PortConfig, ban, map, service};
use aya_ebpf::{
    Global,
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, DevMap, HashMap, LpmTrie, PerCpuArray, XskMap, lpm_trie::Key},
    helpers::bpf_ktime_get_coarse_ns,
    macros::btf_map,
};
use steering::locate::{Datagram, Source};

const BY_PORT: usize = map::PORT_ENTRIES as usize;
const HOSTS: usize = ban::HOSTS_ENTRIES as usize;
const NETS: usize = ban::PREFIXES_ENTRIES as usize;
const LAZY: usize = BPF_F_NO_PREALLOC as usize;

/// The port that this instance of the program serves: one is loaded for each, so that no frame
/// pays for looking its port up.
#[unsafe(no_mangle)]
static PORT: Global<u32> = Global::new(0);

#[btf_map]
static SERVICES: Array<service::Bitmap, 1> = Array::new();
#[btf_map]
static PORT_CONFIG: Array<[u64; 2], BY_PORT> = Array::new();
#[btf_map]
static PEERS: DevMap<BY_PORT> = DevMap::new();
#[btf_map]
static SOCKETS: XskMap<{ map::SOCKETS_ENTRIES as usize }> = XskMap::new();
#[btf_map]
static HEARTBEATS: Array<u64, { map::HEARTBEATS_ENTRIES as usize }> = Array::new();
#[btf_map]
static COUNTERS: PerCpuArray<map::CounterRow, BY_PORT> = PerCpuArray::new();
#[btf_map]
static BANNED_HOSTS_V4: HashMap<[u8; 4], ban::Value, HOSTS, LAZY> = HashMap::new();
#[btf_map]
static BANNED_HOSTS_V6: HashMap<[u8; 16], ban::Value, HOSTS, LAZY> = HashMap::new();
#[btf_map]
static BANNED_NETS_V4: LpmTrie<[u8; 4], ban::Value, NETS> = LpmTrie::new();
#[btf_map]
static BANNED_NETS_V6: LpmTrie<[u8; 16], ban::Value, NETS> = LpmTrie::new();

/// Whether either port of a datagram is a service: requests go to it, answers come from it.
#[inline(always)]
pub(crate) fn is_of_service(datagram: &Datagram<'_>) -> bool {
    let Datagram {
        transport, ports, ..
    } = datagram;
    SERVICES.get(0).is_some_and(|services| {
        service::contains(services, *transport, ports.destination())
            || service::contains(services, *transport, ports.source())
    })
}

/// Whether a ban holds for `source`.
#[inline(always)]
pub(crate) fn is_banned(source: &Source<'_>) -> bool {
    match source {
        Source::V4(address) => {
            // SAFETY: the value is two integers, which stay readable until the program ends even if
            // the entry is removed meanwhile.
            holds(unsafe { BANNED_HOSTS_V4.get(*address) })
                || holds(BANNED_NETS_V4.get(&Key::new(32, **address)))
        }
        Source::V6(address) => {
            // SAFETY: as above.
            holds(unsafe { BANNED_HOSTS_V6.get(*address) })
                || holds(BANNED_NETS_V6.get(&Key::new(128, **address)))
        }
    }
}

#[inline(always)]
fn holds(entry: Option<&ban::Value>) -> bool {
    entry.is_some_and(|&value| ban::holds(ban::from_value(value), now_ns()))
}

/// How this port treats frames of services.
#[inline(always)]
pub(crate) fn config() -> PortConfig {
    PORT_CONFIG
        .get(PORT.load())
        .map_or(PortConfig::default(), |&words| {
            PortConfig::from_words(words)
        })
}

/// Redirects the frame to the worker of `queue`; false if it has no socket.
#[inline(always)]
pub(crate) fn redirect_to_worker(queue: u32) -> bool {
    queue < abi::QUEUES
        && SOCKETS
            .redirect(abi::socket_slot(PORT.load(), queue), 0)
            .is_ok()
}

/// Redirects the frame to the other end of the link; false if there is no device.
#[inline(always)]
pub(crate) fn redirect_to_peer() -> bool {
    PEERS.redirect(PORT.load(), 0).is_ok()
}

/// Whether the worker of `queue` has shown life within `stale_after_ns`.
#[inline(always)]
pub(crate) fn is_alive(queue: u32, stale_after_ns: u64) -> bool {
    let slot = abi::heartbeat_slot(abi::link_of(PORT.load()), queue);
    HEARTBEATS
        .get(slot)
        .is_some_and(|&beat| now_ns() <= beat.saturating_add(stale_after_ns))
}

/// Counts a frame of `len` bytes under `outcome`.
#[inline(always)]
pub(crate) fn count(outcome: Outcome, len: usize) {
    if let Some(row) = COUNTERS.get_ptr_mut(PORT.load()) {
        // SAFETY: the row is this CPU's own, and XDP programs aren't re-entered on a CPU.
        let row = unsafe { &mut *row };
        row[2 * outcome.index()] += 1;
        row[2 * outcome.index() + 1] += len as u64;
    }
}

/// Monotonic time to a tick: what bans and heartbeats are compared with.
#[inline(always)]
fn now_ns() -> u64 {
    // SAFETY: the helper takes nothing and only reads the clock.
    unsafe { bpf_ktime_get_coarse_ns() }
}
