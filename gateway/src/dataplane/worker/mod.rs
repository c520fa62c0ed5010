//! A worker: the thread that carries frames between the two ends of a link, through the inspector.
//!
//! ```text
//!   complete, refill ─► receive ─► inspect ─► submit to the other end ─► kick
//!        ▲                                                                │
//!        └──────── spin for a while, then sleep until something comes ◄───┘
//! ```
//!
//! Invariants:
//! - No frame goes out late. Whoever was away for longer than a heartbeat is good for has been stood
//!   in for by the kernel's fallback meanwhile, so everything on its way is thrown out first; and
//!   what an interface that is down doesn't take is dropped, not kept.
//! - After each round every frame of the UMEM is in the pool or with the kernel.

mod control;
mod end;
mod sink;
mod tempo;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use abi::OnFailure;
use inspect::{Frame, Instant, Port, Sitting};
use policy::Side;
use rustix::io::Errno;
use xsk::{PacketIo, Received, ToSend, Umem};

use super::stats::WorkerStats;
use super::{Inspection, Observer, clock};
use end::{End, Flushed};
use sink::WorkerSink;

pub use control::{Control, Phase};
pub use tempo::Tempo;

/// Frames taken from one socket at a time.
const BATCH: usize = 64;
/// How many frames ahead of the one under inspection are being fetched from memory.
const PREFETCHED: usize = 4;
/// How often it publishes what the kernel counts.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Tells the XDP program that a worker lives.
pub trait Pulse: Send + 'static {
    /// The worker was well at `now`.
    fn beat(&mut self, now: Instant);
}

/// A worker, before and while it runs.
pub struct Worker<P, O, B> {
    link: u16,
    umem: Umem,
    ends: [End<P>; 2],
    inspection: Inspection,
    observer: O,
    pulse: B,
    tempo: Tempo,
    control: Control,
    stats: Arc<WorkerStats>,
    batch: Vec<Received>,
    injected: Vec<(Side, ToSend)>,
    last_beat: Instant,
    last_frame: Instant,
    last_publish: Instant,
    /// Whether the last round brought no frame.
    idle: bool,
    /// Frames to send that the kernel didn't take in this round.
    blocked: bool,
}

/// What a worker is made of.
pub struct Parts<P, O, B> {
    /// Index of the link.
    pub link: u16,
    /// The memory all sockets share.
    pub umem: Umem,
    /// The sockets of its queues at the inside end; the first one sends.
    pub inside: Vec<P>,
    /// The same at the outside end.
    pub outside: Vec<P>,
    /// What to do with frames.
    pub inspection: Inspection,
    /// Whom to tell.
    pub observer: O,
    /// How to show that it lives.
    pub pulse: B,
    /// How to go about it.
    pub tempo: Tempo,
    /// Who commands it.
    pub control: Control,
    /// Where it counts.
    pub stats: Arc<WorkerStats>,
}

impl<P: PacketIo, O: Observer, B: Pulse> Worker<P, O, B> {
    /// A worker that is ready to receive: its fill rings are full, its first heartbeat is written.
    pub fn new(parts: Parts<P, O, B>) -> Self {
        let now = clock::now();
        let stats = parts.stats;
        let mut worker = Self {
            link: parts.link,
            umem: parts.umem,
            ends: [
                End::new(Side::Inside, parts.inside, &stats),
                End::new(Side::Outside, parts.outside, &stats),
            ],
            inspection: parts.inspection,
            observer: parts.observer,
            pulse: parts.pulse,
            tempo: parts.tempo,
            control: parts.control,
            stats,
            batch: Vec::with_capacity(BATCH),
            injected: Vec::new(),
            last_beat: now,
            last_frame: now,
            last_publish: now,
            idle: true,
            blocked: false,
        };
        worker.stats.openings.add(1);
        for end in &mut worker.ends {
            end.recycle(&worker.umem);
        }
        worker.publish(now);
        worker.beat(now);
        worker
    }

    /// Works until told to stop.
    ///
    /// # Errors
    /// When it can't sleep: of ppoll(2).
    pub fn run(mut self) -> Result<(), Errno> {
        let mut draining_since = None;
        loop {
            let now = clock::now();
            self.round(now);
            match self.control.phase() {
                Phase::Run => {}
                Phase::Drain => {
                    let since = *draining_since.get_or_insert(now);
                    if self.is_drained(now, since) {
                        break;
                    }
                }
                Phase::Stop => break,
            }
            self.rest()?;
        }
        self.publish(clock::now());
        Ok(())
    }

    /// Everything there is to do at `now`.
    fn round(&mut self, now: Instant) {
        if now.since(self.last_beat) >= self.tempo.stale_after {
            self.recover(now);
        }
        self.follow_links();
        for end in &mut self.ends {
            end.recycle(&self.umem);
        }
        let handled = self.receive_all(now);
        self.handle_timeout(now);
        self.flush_all();
        self.idle = handled == 0;
        if !self.idle {
            self.last_frame = now;
        }
        if now.since(self.last_beat) >= self.tempo.heartbeat {
            self.beat(now);
        }
        if now.since(self.last_publish) >= PUBLISH_EVERY {
            self.publish(now);
        }
    }

    /// Back from having been away: what is on its way is stale, and what the kernel forwarded
    /// meanwhile wasn't seen.
    fn recover(&mut self, now: Instant) {
        let away = now.since(self.last_beat).as_nanos();
        self.stats.stalls.add(1);
        let away_ns = u64::try_from(away).unwrap_or(u64::MAX);
        self.stats.away_ns.add(away_ns);
        if let (Inspection::Full(inspector), OnFailure::Open) =
            (&self.inspection, self.tempo.on_failure)
        {
            inspector.lose_sight(now);
        }
        for end in &mut self.ends {
            end.discard_all(&self.umem, self.stats.port(end.side()));
        }
        self.beat(now);
    }

    fn beat(&mut self, now: Instant) {
        self.pulse.beat(now);
        self.last_beat = now;
        self.stats.last_beat_ns.set(now.0);
    }

    /// Whether so much time has gone by since the last heartbeat that the fallback has taken over.
    fn is_late(&self) -> bool {
        clock::now().since(self.last_beat) >= self.tempo.stale_after
    }

    fn follow_links(&mut self) {
        for end in &mut self.ends {
            let up = self.control.is_up(end.side());
            end.set_up(&self.umem, self.stats.port(end.side()), up);
        }
    }

    /// Takes a batch from every socket and deals with it. Returns how many frames there were.
    fn receive_all(&mut self, now: Instant) -> usize {
        let mut handled = 0;
        for side in 0..self.ends.len() {
            for queue in 0..self.ends[side].queues() {
                let mut batch = std::mem::take(&mut self.batch);
                self.ends[side].receive(queue, &self.umem, &mut batch, BATCH);
                if !batch.is_empty() {
                    handled += batch.len();
                    self.handle_batch(now, side, &mut batch);
                }
                self.batch = batch;
            }
        }
        handled
    }

    fn handle_batch(&mut self, now: Instant, side: usize, batch: &mut Vec<Received>) {
        let frames = batch.len() as u64;
        let port = self.stats.port(self.ends[side].side());
        port.rx_frames.add(frames);
        port.rx_bytes
            .add(batch.iter().map(|frame| frame.len() as u64).sum());
        match self.inspection.clone() {
            Inspection::Full(inspector) => self.inspect_batch(now, side, &inspector.sit(), batch),
            Inspection::AcceptAll => {
                for frame in batch.drain(..) {
                    let len = frame.len();
                    self.forward(side, frame, len);
                }
            }
        }
    }

    fn inspect_batch(
        &mut self,
        now: Instant,
        side: usize,
        sitting: &Sitting<'_>,
        batch: &mut Vec<Received>,
    ) {
        let (start, frames) = (clock::now(), batch.len() as u64);
        let soon = &batch[..batch.len().min(PREFETCHED)];
        soon.iter().for_each(|frame| self.umem.prefetch(frame));
        let mut batch = batch.drain(..);
        while let Some(frame) = batch.next() {
            if let Some(soon) = batch.as_slice().get(PREFETCHED - 1) {
                self.umem.prefetch(soon);
            }
            self.inspect(now, side, sitting, frame);
        }
        let spent = clock::now().since(start).as_nanos();
        let per_frame = u64::try_from(spent).unwrap_or(u64::MAX) / frames;
        self.stats.inspection.record(per_frame, frames);
    }

    fn inspect(
        &mut self,
        now: Instant,
        side: usize,
        sitting: &Sitting<'_>,
        mut received: Received,
    ) {
        let port = Port {
            link: self.link,
            side: self.ends[side].side(),
        };
        let mut sink = WorkerSink {
            link: self.link,
            umem: &self.umem,
            stats: &self.stats,
            observer: &mut self.observer,
            injected: &mut self.injected,
        };
        let len = received.len();
        let mut frame = Frame::new(self.umem.buffer_mut(&mut received), len);
        let outcome = sitting.handle_frame(now, port, &mut frame, &mut sink);
        let len = frame.len();
        self.stats.outcome(&outcome);
        if outcome.forward && len > 0 {
            self.forward(side, received, len);
        } else {
            self.umem.give(received);
        }
        if !self.injected.is_empty() {
            self.send_injected();
        }
    }

    /// Sends a received frame out of the other end.
    fn forward(&mut self, side: usize, frame: Received, len: usize) {
        let len = u16::try_from(len).expect("a frame lies within its chunk");
        let other = &mut self.ends[1 - side];
        let stats = self.stats.port(other.side());
        other.send(&self.umem, stats, frame.into_send(len));
    }

    fn send_injected(&mut self) {
        for (side, frame) in self.injected.drain(..) {
            let end = match side {
                Side::Inside => &mut self.ends[0],
                Side::Outside => &mut self.ends[1],
            };
            end.send(&self.umem, self.stats.port(side), frame);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let Inspection::Full(inspector) = &self.inspection else {
            return;
        };
        if inspector.poll_timeout().is_none_or(|(at, _)| at > now) {
            return;
        }
        let mut sink = WorkerSink {
            link: self.link,
            umem: &self.umem,
            stats: &self.stats,
            observer: &mut self.observer,
            injected: &mut self.injected,
        };
        inspector.handle_timeout(now, &mut sink);
        self.send_injected();
    }

    /// Gets what was submitted out. The clock is looked at before every call: who is stopped here
    /// and goes on much later must not send what it had.
    fn flush_all(&mut self) {
        self.blocked = false;
        for side in 0..self.ends.len() {
            while self.ends[side].has_unsent() {
                if self.is_late() {
                    return self.recover(clock::now());
                }
                let end = &mut self.ends[side];
                match end.flush(&self.umem, self.stats.port(end.side())) {
                    Flushed::Clean => break,
                    Flushed::Again => {}
                    Flushed::Blocked => {
                        self.blocked = true;
                        break;
                    }
                }
            }
        }
    }

    fn publish(&mut self, now: Instant) {
        self.last_publish = now;
        let held: usize = self.ends.iter().map(End::held).sum();
        let stats = &self.stats;
        for end in &self.ends {
            end.publish(stats.port(end.side()));
        }
        stats.frames_free.set(self.umem.available() as u64);
        stats.frames_capacity.set(self.umem.capacity() as u64);
        stats
            .frames_leaked
            .set((self.umem.outstanding() - held) as u64);
    }
}
