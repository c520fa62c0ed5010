//! The maps of the program (see the crate `abi` for what they mean), and one function for each
//! question that the policy asks them.

use abi::ban::Standing;
use abi::budget::{self, Bucket, Budget};
use abi::service::Transport;
use abi::{Outcome, PortConfig, PortWords, ban, map, service};
use aya_ebpf::{
    Global,
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, DevMap, HashMap, PerCpuArray, XskMap},
    helpers::bpf_ktime_get_coarse_ns,
    macros::btf_map,
};
use steering::hash::hash;
use steering::locate::{Address, Datagram};
use steering::standing;

const BY_PORT: usize = map::PORT_ENTRIES as usize;
const BUCKETS: usize = budget::BUCKETS_ENTRIES as usize;
const BANS: usize = ban::ENTRIES as usize;
const SLOTS: usize = ban::SLOTS as usize;
const LAZY: usize = BPF_F_NO_PREALLOC as usize;

/// The port that this instance of the program serves: one is loaded for each, so that no frame
/// pays for looking its port up.
#[unsafe(no_mangle)]
static PORT: Global<u32> = Global::new(0);

#[btf_map]
static SERVICES: Array<service::Bitmap, 1> = Array::new();
#[btf_map]
static COAP_SERVICES: Array<service::Bitmap, 1> = Array::new();
#[btf_map]
static PORT_CONFIG: Array<PortWords, BY_PORT> = Array::new();
#[btf_map]
static PEERS: DevMap<BY_PORT> = DevMap::new();
#[btf_map]
static SOCKETS: XskMap<{ map::SOCKETS_ENTRIES as usize }> = XskMap::new();
#[btf_map]
static HEARTBEATS: Array<u64, { map::HEARTBEATS_ENTRIES as usize }> = Array::new();
#[btf_map]
static COUNTERS: PerCpuArray<map::CounterRow, BY_PORT> = PerCpuArray::new();
#[btf_map]
static SAMPLES: PerCpuArray<u64, BY_PORT> = PerCpuArray::new();
#[btf_map]
static BUDGETS: Array<Bucket, BUCKETS> = Array::new();
#[btf_map]
static CLIENT_BUDGETS: Array<Bucket, BUCKETS> = Array::new();
#[btf_map]
static BANNED_V4: HashMap<ban::V4, u64, BANS, LAZY> = HashMap::new();
#[btf_map]
static BANNED_V6: HashMap<ban::V6, u64, BANS, LAZY> = HashMap::new();
#[btf_map]
static BANNED_LENGTHS_V4: Array<ban::V4, SLOTS> = Array::new();
#[btf_map]
static BANNED_LENGTHS_V6: Array<ban::V6, SLOTS> = Array::new();

/// The port of a datagram that is a service, if one is: requests go to it, answers come from it.
/// Between two services, the receiver's counts.
#[inline(always)]
pub(crate) fn service_port(datagram: &Datagram<'_>) -> Option<u16> {
    let Datagram {
        transport, ports, ..
    } = datagram;
    let services = SERVICES.get(0)?;
    [ports.destination(), ports.source()]
        .into_iter()
        .find(|port| service::contains(services, *transport, *port))
}

/// Whether the UDP service at `port` is plain CoAP.
#[inline(always)]
pub(crate) fn is_coap(port: u16) -> bool {
    COAP_SERVICES
        .get(0)
        .is_some_and(|services| service::contains(services, Transport::Udp, port))
}

/// Whether `address` is banned, or exempt from all that.
#[inline(always)]
pub(crate) fn standing(address: &Address<'_>) -> Standing {
    let told = match address {
        Address::V4(address) => {
            let [address] = ban::v4(**address);
            standing_v4(address)
        }
        Address::V6(address) => {
            let [high, low, _] = ban::v6(**address);
            standing_v6(high, low)
        }
    };
    Standing::from_word(told)
}

/// A function of its own, with linkage and of numbers alone: the kernel verifies it once, and not for
/// every way that a frame can take to it.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn standing_v4(address: u64) -> u64 {
    let address = [address];
    let lengths = BANNED_LENGTHS_V4.get(ban::slot(&address, ban::SLOT_BITS_V4));
    standing::of(&address, lengths, |prefix| said(&BANNED_V4, prefix)).to_word()
}

/// As [`standing_v4`].
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn standing_v6(high: u64, low: u64) -> u64 {
    let address = [high, low, 0];
    let lengths = BANNED_LENGTHS_V6.get(ban::slot(&address, ban::SLOT_BITS_V6));
    standing::of(&address, lengths, |prefix| said(&BANNED_V6, prefix)).to_word()
}

#[inline(always)]
fn said<const N: usize>(bans: &HashMap<[u64; N], u64, BANS, LAZY>, prefix: &[u64; N]) -> Standing {
    // SAFETY: the value is an integer, which stays readable until the program ends even if the entry
    // is removed meanwhile.
    let expires_ns = unsafe { bans.get(prefix) };
    expires_ns.map_or(Standing::Common, |&expires_ns| {
        ban::standing(expires_ns, now_ns())
    })
}

/// Takes a frame out of its source's budget; false if nothing is left there.
#[inline(always)]
pub(crate) fn spend(source: &Address<'_>, transport: Transport, budget: &Budget) -> bool {
    // TCP and UDP have budgets of their own.
    let [k0, k1] = budget.key;
    let key = [k0 ^ transport as u64, k1];
    spend_from(&BUDGETS, source, key, budget.cost_ns(transport), budget)
}

/// Takes a CoAP response out of its client's budget; false if nothing is left there.
#[inline(always)]
pub(crate) fn spend_response(client: &Address<'_>, budget: &Budget) -> bool {
    spend_from(
        &CLIENT_BUDGETS,
        client,
        budget.key,
        budget.response_ns,
        budget,
    )
}

#[inline(always)]
fn spend_from(
    buckets: &Array<Bucket, BUCKETS>,
    address: &Address<'_>,
    key: [u64; 2],
    cost_ns: u64,
    budget: &Budget,
) -> bool {
    if cost_ns == 0 {
        return true;
    }
    let word = match address {
        Address::V4(address) => budget::of_ipv4(**address),
        Address::V6(address) => budget::of_ipv6(**address),
    };
    let at = hash(key, word) as u32 & (budget::BUCKETS_ENTRIES - 1);
    let Some(bucket) = buckets.get_ptr_mut(at) else {
        return true;
    };
    // SAFETY: the bucket is there as long as the program. Other processors may write it between our
    // read and our write, each number whole: then a frame isn't charged for.
    unsafe {
        match budget::spend((*bucket)[0], now_ns(), cost_ns, budget.burst_ns) {
            Some(full_at) => (*bucket)[0] = full_at,
            None => {
                (*bucket)[1] = word;
                return false;
            }
        }
    }
    true
}

/// Whether the inspector should see a broken CoAP datagram all the same.
#[inline(always)]
pub(crate) fn is_sample() -> bool {
    const SECOND_NS: u64 = 1_000_000_000;
    let Some(bucket) = SAMPLES.get_ptr_mut(PORT.load()) else {
        return true;
    };
    let cost_ns = SECOND_NS / map::SAMPLES_PER_SECOND;
    // SAFETY: the number is this CPU's own, and XDP programs aren't re-entered on a CPU.
    let full_at = unsafe { &mut *bucket };
    match budget::spend(*full_at, now_ns(), cost_ns, SECOND_NS) {
        Some(after) => {
            *full_at = after;
            true
        }
        None => false,
    }
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
