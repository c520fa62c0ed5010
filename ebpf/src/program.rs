//! The policy: where each frame goes.

use abi::ban::Standing;
use abi::service::Transport;
use abi::{Disposition, Fragments, OnFailure, Outcome, PortConfig, Refusals};
use aya_ebpf::{
    bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT},
    macros::xdp,
    programs::XdpContext,
};
use steering::frame::Frame;
use steering::locate::{Datagram, Located, locate};

use crate::maps;

/// Steers a frame and counts what became of it.
#[xdp]
pub(crate) fn weir(ctx: XdpContext) -> u32 {
    let (start, end) = (ctx.data() as *const u8, ctx.data_end() as *const u8);
    // SAFETY: these are the limits of the frame's linear part, which lasts as long as the program.
    let frame = unsafe { Frame::new(start, end) };
    let mut outcome = steer(&ctx, frame).unwrap_or_else(|malformed| malformed);
    let action = match outcome.disposition() {
        // `steer` has redirected it.
        Disposition::Inspect => XDP_REDIRECT,
        Disposition::Forward => forward(&mut outcome),
        Disposition::Refuse => match maps::config().refusals {
            Refusals::Enforced => XDP_DROP,
            Refusals::Monitored => forward(&mut outcome),
        },
        Disposition::Drop => XDP_DROP,
    };
    maps::count(outcome, frame.len());
    action
}

#[inline(always)]
fn forward(outcome: &mut Outcome) -> u32 {
    if maps::redirect_to_peer() {
        return XDP_REDIRECT;
    }
    *outcome = Outcome::NoPeer;
    XDP_DROP
}

/// What becomes of a frame; as an error, if its headers are broken where they matter.
#[inline(always)]
fn steer(ctx: &XdpContext, frame: Frame<'_>) -> Result<Outcome, Outcome> {
    let datagram = match locate(frame)? {
        Located::Other => return Ok(Outcome::Forward),
        Located::LaterFragment => return Ok(Outcome::ForwardFragment),
        Located::Datagram(datagram) => datagram,
    };
    let Some(service_port) = maps::service_port(&datagram) else {
        return Ok(Outcome::Forward);
    };
    let source = datagram.source();
    let (standing, config) = (maps::standing(&source), maps::config());
    if standing == Standing::Banned && config.refusals == Refusals::Enforced {
        return Ok(Outcome::Banned);
    }
    if datagram.is_fragment() {
        return Ok(match config.fragments {
            Fragments::Drop => Outcome::Fragment,
            Fragments::Forward => Outcome::OpenFragment,
        });
    }
    datagram.check()?;
    let is_coap = datagram.transport == Transport::Udp && maps::is_coap(service_port);
    if is_coap {
        check_coap(&datagram, &config)?;
    }
    if standing != Standing::Exempt && !maps::spend(&source, datagram.transport, &config.budget) {
        return Ok(Outcome::OverBudget);
    }
    if is_coap && is_unbidden(&datagram, &config) {
        return Ok(Outcome::OverClientBudget);
    }
    let queue = ctx.rx_queue_index();
    let fallback = if !maps::redirect_to_worker(queue) {
        (Outcome::OpenNoSocket, Outcome::ClosedNoSocket)
    } else if !maps::is_alive(queue, config.stale_after_ns) {
        (Outcome::OpenStale, Outcome::ClosedStale)
    } else if standing == Standing::Banned {
        return Ok(Outcome::WouldBan);
    } else {
        return Ok(Outcome::Inspect);
    };
    Ok(match config.on_failure {
        OnFailure::Open => fallback.0,
        OnFailure::Closed => fallback.1,
    })
}

/// Refuses CoAP that the rules stop in any case. Some of it goes to the inspector all the same, so that
/// what it would do about the first goes on being done while a flood is kept from it.
#[inline(always)]
fn check_coap(datagram: &Datagram<'_>, config: &PortConfig) -> Result<(), Outcome> {
    if config.coap_refused.is_empty() {
        return Ok(());
    }
    match datagram.coap_fault(config.coap_bytes_max) {
        Some(fault) if config.coap_refused.contains(fault) && !maps::is_sample() => Err(fault),
        _ => Ok(()),
    }
}

/// Whether it is a CoAP response of which its client has had more than anybody asks for. Who is exempt
/// is asked only then.
#[inline(always)]
fn is_unbidden(datagram: &Datagram<'_>, config: &PortConfig) -> bool {
    if !datagram.is_coap_response() {
        return false;
    }
    let client = datagram.destination();
    !maps::spend_response(&client, &config.budget) && maps::standing(&client) != Standing::Exempt
}

/// Does nothing: what the cost of [`weir`] is measured against.
#[xdp]
pub(crate) fn empty(_ctx: XdpContext) -> u32 {
    XDP_PASS
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
