//! What an operator asks of the keeper.

use std::cmp::Reverse;
use std::time::Duration;

use ipnet::IpNet;

use super::{BlockList, Keeper, Wish};

/// The latest end a ban can have: those beyond have meanings of their own.
const LATEST_NS: u64 = i64::MAX as u64;

impl<L: BlockList> Keeper<L> {
    pub(super) fn grant(&mut self, wish: Wish, now_ns: u64) {
        match wish {
            Wish::Show(asker) => drop(asker.send(self.bans(now_ns))),
            Wish::Ban(source, duration, asker) => {
                drop(asker.send(self.ban(source, duration, now_ns)));
            }
            Wish::Unban(source, asker) => drop(asker.send(self.unban(source))),
        }
    }

    fn bans(&self, now_ns: u64) -> Vec<(IpNet, u64)> {
        let left = |end: u64| end.saturating_sub(now_ns).div_ceil(1_000_000_000);
        let in_force = self.expiries.iter().filter(|&(_, &end)| end > now_ns);
        let mut bans: Vec<_> = in_force
            .map(|(&source, &end)| (source, left(end)))
            .collect();
        bans.sort_unstable_by_key(|&(source, left)| (Reverse(left), source));
        bans
    }

    fn ban(&mut self, source: IpNet, duration: Duration, now_ns: u64) -> Result<(), String> {
        if self.listed.binary_search(&source).is_ok() {
            return Err(format!("{source} stands on a block list already"));
        }
        if self.never.covers(source) {
            return Err(format!("{source} is never kept out (`never` of [block])"));
        }
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let expires_ns = now_ns.saturating_add(duration_ns).min(LATEST_NS);
        self.keep_out(source, expires_ns, duration)
            .map_err(|error| error.to_string())
    }

    fn unban(&mut self, source: IpNet) -> Result<bool, String> {
        if self.expiries.remove(&source).is_none() {
            return self.kept_out_by_other(source).map_or(Ok(false), Err);
        }
        let lifted = self.list.lift(source);
        self.show();
        lifted.map_err(|error| error.to_string())?;
        tracing::info!(%source, "let in again, as asked");
        Ok(true)
    }

    /// What keeps out a source that has no ban of its own.
    fn kept_out_by_other(&self, source: IpNet) -> Option<String> {
        if self.listed.binary_search(&source).is_ok() {
            return Some(format!(
                "{source} stands on a block list: take it out of the file"
            ));
        }
        if let Some(ban) = self.expiries.keys().find(|ban| ban.contains(&source)) {
            return Some(format!(
                "{source} has no ban of its own, but {ban} is banned: lift that"
            ));
        }
        let network = self.listed.iter().find(|listed| listed.contains(&source))?;
        Some(format!(
            "{source} has no ban of its own, but {network} stands on a block list"
        ))
    }
}
