//! The policies that events may still speak of.

use std::sync::Arc;

use arc_swap::ArcSwap;
use policy::{Policy, Rule, RuleIndex};

use crate::control::office::Rules;

/// How many generations are kept: a message under way during a reload is judged by the old one.
const KEPT: usize = 4;

/// Policies by generation, newest last: an event names its rule by index and generation.
#[derive(Debug, Default)]
pub struct Policies {
    kept: ArcSwap<Vec<(u64, Arc<Policy>)>>,
}

impl Policies {
    /// Remembers a policy under the generation the inspector will give it. To be called before the
    /// policy is installed. Returns those that no event speaks of any more.
    pub fn remember(&self, generation: u64, policy: Arc<Policy>) -> Vec<Arc<Policy>> {
        let mut kept = self.kept.load().as_ref().clone();
        kept.push((generation, policy));
        let surplus = kept.len().saturating_sub(KEPT);
        let forgotten = kept.drain(..surplus).map(|(_, policy)| policy).collect();
        self.kept.store(Arc::new(kept));
        forgotten
    }

    /// The newest generation, and how many rules it has.
    pub fn newest(&self) -> Rules {
        let kept = self.kept.load();
        kept.last()
            .map_or(Rules::default(), |(generation, policy)| Rules {
                generation: *generation,
                rules: policy.rules().len(),
            })
    }

    /// Looks up a rule, and hands it to `read`.
    pub(crate) fn with_rule<T>(
        &self,
        generation: u64,
        rule: RuleIndex,
        read: impl FnOnce(&Rule) -> T,
    ) -> Option<T> {
        let kept = self.kept.load();
        let (_, policy) = kept.iter().rev().find(|(kept, _)| *kept == generation)?;
        policy.rules().get(rule.as_usize()).map(read)
    }
}
