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
        self.keep_out(source, expires_ns, duration, None)
            .map_err(|error| error.to_string())
    }

    fn unban(&mut self, source: IpNet) -> Result<bool, String> {
        if self.expiries.remove(&source).is_none() {
            return self.unban_unknown(source);
        }
        let lifted = self.list.lift(source);
        self.show();
        lifted.map_err(|error| error.to_string())?;
        tracing::info!(%source, "let in again, as asked");
        Ok(true)
    }

    /// Names what keeps a source out that isn't banned by itself.
    fn unban_unknown(&self, source: IpNet) -> Result<bool, String> {
        if self.listed.binary_search(&source).is_ok() {
            return Err(format!(
                "{source} stands on a block list: take it out of the file"
            ));
        }
        let longest = |networks: &mut dyn Iterator<Item = IpNet>| {
            networks
                .filter(|network| network.contains(&source))
                .max_by_key(IpNet::prefix_len)
        };
        if let Some(network) = longest(&mut self.expiries.keys().copied()) {
            return Err(format!(
                "{source} is not banned by itself, but {network} is: unban that"
            ));
        }
        match longest(&mut self.listed.iter().copied()) {
            Some(network) if !self.never.covers(source) => Err(format!(
                "{source} is not banned by itself, but {network} stands on a block list: take it out of the \
                 file, or put {source} in `never` of [block]"
            )),
            _ => Ok(false),
        }
    }
}
