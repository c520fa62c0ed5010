//! Whether the XDP program is still on the ports of a link.
//!
//! Its links keep others from replacing it, but who has the rights can detach them (`bpftool link
//! detach`). Then nothing joins the ends any more, whatever `on_failure` says. So it is looked for at
//! every look of the supervisor, and put back when it is gone. Where somebody else's program has come in
//! its place there is no fight: the gateway says so, isn't ready, and takes the port again when that is
//! gone. Pins that somebody removes are made anew from what the process holds; where they can't be, it
//! says so and goes on, for the program is there as long as the process; unless it is off a port too.
//! Then the process ends, and whoever looks after it starts it anew.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use policy::Side;
use tracing::{error, warn};

use super::link::{LinkError, SIDES, report_mode};
use super::netlink::Interface;
use super::xdp::{Standing, Xdp};
use crate::causes::with_causes;

/// How the program has held on to the ports of one link.
#[derive(Debug, Default)]
pub struct Hold {
    ends: [End; 2],
    unpinned: AtomicBool,
}

#[derive(Debug, Default)]
struct End {
    lost: AtomicBool,
    put_back: AtomicU64,
}

impl Hold {
    /// Whether the program is not on the port at this end, as of the last look.
    #[must_use]
    pub fn is_lost(&self, side: Side) -> bool {
        self.end(side).lost.load(Ordering::Relaxed)
    }

    /// Whether it would go with the process, because its pins are gone and can't be made anew.
    #[must_use]
    pub fn is_unpinned(&self) -> bool {
        self.unpinned.load(Ordering::Relaxed)
    }

    /// Whether it is off a port, and can't be put back for want of pins: only a new start may help.
    #[must_use]
    pub fn is_beyond_help(&self) -> bool {
        let lost = self.is_lost(Side::Inside) || self.is_lost(Side::Outside);
        lost && self.is_unpinned()
    }

    /// How often it has been put back there.
    #[must_use]
    pub fn put_back(&self, side: Side) -> u64 {
        self.end(side).put_back.load(Ordering::Relaxed)
    }

    /// Looks at both ports of `link`, and puts the program back where it is gone.
    pub(super) fn keep(
        &self,
        link: u32,
        ends: &[Interface; 2],
        xdp: &mut Xdp,
    ) -> Result<(), LinkError> {
        for ((side, port), interface) in SIDES.into_iter().zip(ends) {
            let (name, end) = (&interface.name, self.end(side));
            match xdp.standing(link, port)? {
                Standing::InPlace => end.lost.store(false, Ordering::Relaxed),
                Standing::Gone => {
                    end.tell_lost(name, "nothing joins it to its peer");
                    report_mode(xdp.reattach(link, port, interface.index)?)?;
                    end.put_back.fetch_add(1, Ordering::Relaxed);
                    end.lost.store(false, Ordering::Relaxed);
                    warn!("{name}: the XDP program is back");
                }
                Standing::Replaced { program } => {
                    let instead = format!(
                        "program {program} is there instead, and nothing is inspected: \
                         `bpftool net show dev {name}` names its owner; when it is off, Weir's is put back"
                    );
                    end.tell_lost(name, &instead);
                }
            }
        }
        Ok(())
    }

    /// Notes whether the pins are there.
    pub(super) fn tell_pinned(&self, pinned: bool) {
        self.unpinned.store(!pinned, Ordering::Relaxed);
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Inside => &self.ends[0],
            Side::Outside => &self.ends[1],
        }
    }
}

/// Looks after the pins, and says whether they are there. `complaint` is what was wrong last.
pub(super) fn keep_pins(xdp: &mut Xdp, complaint: &mut Option<String>) -> bool {
    match xdp.keep_pins() {
        Ok(anew) => {
            *complaint = None;
            if anew {
                warn!("the pins were removed: made anew");
            }
            true
        }
        Err(problem) => {
            let problem = with_causes(&problem);
            if complaint.as_ref() != Some(&problem) {
                error!(
                    "{problem}; the XDP program is on the interfaces only as long as this process runs"
                );
            }
            *complaint = Some(problem);
            false
        }
    }
}

impl End {
    /// Once for each loss.
    fn tell_lost(&self, name: &str, then: &str) {
        if !self.lost.swap(true, Ordering::Relaxed) {
            error!("{name}: somebody has taken the XDP program off: {then}");
        }
    }
}
