//! What visitors of the control socket are told.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;
use policy::{MAX_BAN, Mode, Side, unmapped};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::bans::{Order, Placed, Wish};
use super::super::office::{Answer, Banned, Link, NOT_KEPT_OUT, Question, Reloaded};
use crate::dataplane::{LinkStatus, xdp};

/// How long who has everything read anew waits for the block lists: a million networks take 5 seconds.
const LISTS_PATIENCE: Duration = Duration::from_secs(20);

/// A link as it is shown.
pub(super) fn link(link: &LinkStatus, modes: &[(String, xdp::Mode)]) -> Link {
    let mode = |(side, port): (Side, &String)| {
        let mode = modes.iter().find(|(name, _)| name == port);
        let mode = mode.filter(|_| !link.hold.is_lost(side));
        let mode = mode.map_or("taken off", |(_, mode)| mode.name());
        (port.clone(), mode.to_owned())
    };
    Link {
        inside: link.names.inside.clone(),
        outside: link.names.outside.clone(),
        workers: link.workers.len(),
        running: link.is_running(),
        modes: [
            (Side::Inside, &link.names.inside),
            (Side::Outside, &link.names.outside),
        ]
        .map(mode)
        .to_vec(),
    }
}

/// Waits a while for the block lists of what was reloaded, and notes what came of them.
pub(super) async fn with_lists(
    mut reloaded: Reloaded,
    placed: oneshot::Receiver<Placed>,
) -> Reloaded {
    let note = match timeout(LISTS_PATIENCE, placed).await {
        Ok(Ok(Placed {
            listed: 0,
            unplaced: 0,
        })) => return reloaded,
        Ok(Ok(Placed {
            listed,
            unplaced: 0,
        })) => {
            let which = if reloaded.lists_stay {
                "old block lists"
            } else {
                "block lists"
            };
            format!("{which} are in force: {listed} kept out")
        }
        Ok(Ok(Placed { listed, unplaced })) => format!(
            "block lists: {listed} kept out, and {unplaced} let in for want of room; the log has the cause"
        ),
        Ok(Err(_)) => {
            reloaded.lists_stay = true;
            "block lists stay as they are: their keeper is gone".to_owned()
        }
        Err(_) => {
            "block lists are still being placed: `weir ctl status` says how many are".to_owned()
        }
    };
    reloaded.notes.push(note);
    reloaded
}

/// Has the keeper of the block list answer what concerns it.
pub(super) async fn about_bans(
    keeper: &SyncSender<Order>,
    mode: Mode,
    question: Question,
) -> Answer {
    match question {
        Question::Ban { source, seconds } => match source.parse() {
            Ok(network) => ban(keeper, mode, unmapped(network), seconds).await,
            Err(_) => Answer::Refused(format!("{source} is no network")),
        },
        Question::Unban { source } => match source.parse() {
            Ok(network) => unban(keeper, unmapped(network)).await,
            Err(_) => Answer::Refused(format!("{source} is no network")),
        },
        Question::Bans | Question::Status | Question::Reload => show(keeper, mode).await,
    }
}

async fn show(keeper: &SyncSender<Order>, mode: Mode) -> Answer {
    match asked(keeper, Wish::Show).await {
        Ok(bans) => Answer::Bans(
            bans.into_iter()
                .map(|(source, seconds)| Banned {
                    source: source.to_string(),
                    seconds,
                    kept_out: mode == Mode::Enforce,
                })
                .collect(),
        ),
        Err(refusal) => refusal,
    }
}

async fn ban(keeper: &SyncSender<Order>, mode: Mode, source: IpNet, seconds: u64) -> Answer {
    let duration = Duration::from_secs(seconds);
    if duration > MAX_BAN {
        let days = MAX_BAN.as_secs() / 86_400;
        return Answer::Refused(format!("a ban lasts at most {days} days"));
    }
    match asked(keeper, |asker| Wish::Ban(source, duration, asker)).await {
        Ok(Ok(())) => {
            let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
            let but = match mode {
                Mode::Enforce => String::new(),
                Mode::Monitor => format!(", but {NOT_KEPT_OUT}"),
            };
            Answer::Done(format!("{source} is banned for {duration:#}{but}"))
        }
        Ok(Err(why)) => Answer::Refused(why),
        Err(refusal) => refusal,
    }
}

async fn unban(keeper: &SyncSender<Order>, source: IpNet) -> Answer {
    match asked(keeper, |asker| Wish::Unban(source, asker)).await {
        Ok(Ok(true)) => Answer::Done(format!("{source} is let in again")),
        Ok(Ok(false)) => Answer::Refused(format!("{source} is not banned")),
        Ok(Err(why)) => Answer::Refused(why),
        Err(refusal) => refusal,
    }
}

async fn asked<T>(
    keeper: &SyncSender<Order>,
    wish: impl FnOnce(oneshot::Sender<T>) -> Wish,
) -> Result<T, Answer> {
    let (asker, answer) = oneshot::channel();
    let refused = |why: &str| Answer::Refused(why.to_owned());
    match keeper.try_send(Order::Wish(wish(asker))) {
        Ok(()) => answer.await.map_err(|_| refused("the gateway is stopping")),
        Err(TrySendError::Full(_)) => Err(refused("too many bans are waiting: ask again")),
        Err(TrySendError::Disconnected(_)) => Err(refused("the gateway is stopping")),
    }
}
